// Makes keys for DKIM, and verifies signatures with a verifier of another maker (mailauth). Not: with DNS, whose answer
// the test gives.
//
// `keys` prints a private key of each kind, with its record for DNS. `verify` reads JSON, the message and the records by
// name, and prints the results. PACKAGES, from the environment, is the folder of the installed packages.
import { createRequire } from "node:module";
import { generateKeyPairSync } from "node:crypto";
import { text } from "node:stream/consumers";

const make = (kind, options) => {
  const { privateKey, publicKey } = generateKeyPairSync(kind, options);
  const der = publicKey.export({ type: "spki", format: "der" });
  const key = kind === "ed25519" ? der.subarray(-32) : der;
  return {
    pem: privateKey.export({ type: "pkcs8", format: "pem" }),
    oldPem: kind === "rsa" ? privateKey.export({ type: "pkcs1", format: "pem" }) : null,
    record: `v=DKIM1; k=${kind}; p=${key.toString("base64")}`,
  };
};

const verify = async () => {
  const require = createRequire(`${process.env.PACKAGES}/package.json`);
  const { dkimVerify } = require("mailauth/lib/dkim/verify");
  const { message, records } = JSON.parse(await text(process.stdin));
  const resolver = async (name) => {
    if (records[name]) return [[records[name]]];
    throw Object.assign(new Error("no record"), { code: "ENOTFOUND" });
  };
  const { results } = await dkimVerify(Buffer.from(message, "latin1"), { resolver });
  return results.map(({ status, signingDomain, algo }) => ({ result: status.result, domain: signingDomain, algo }));
};

const keys = () => ({
  rsa: make("rsa", { modulusLength: 2048 }),
  ed25519: make("ed25519"),
  weak: make("rsa", { modulusLength: 1024 }),
  curve: make("ec", { namedCurve: "P-256" }),
});

console.log(JSON.stringify(process.argv[2] === "keys" ? keys() : await verify()));
