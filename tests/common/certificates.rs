//! Certificates for servers of tests: an authority of the clinic's own, good ones, and bad ones. Not: real ones.
//!
//! **Each authority is new, so none is trusted who did not say so.**

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

/// An authority that signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// A certificate with its key, as files.
pub struct Certificate {
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Clinic's own authority");
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// For a server of these names and addresses.
    pub fn certify(&self, names: &[&str]) -> Certificate {
        self.signed(names, |_| {})
    }

    /// One that was good until the year 2000.
    pub fn expired(&self, names: &[&str]) -> Certificate {
        self.signed(names, |params| {
            params.not_before = date_time_ymd(1999, 1, 1);
            params.not_after = date_time_ymd(2000, 1, 1);
        })
    }

    fn signed(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("legal names");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("key.pem"), key.serialize_pem()).expect("a file");
        fs::write(folder.path().join("cert.pem"), certificate.pem()).expect("a file");
        Certificate { folder }
    }
}

impl Certificate {
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}
