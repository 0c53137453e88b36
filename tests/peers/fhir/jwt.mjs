// Makes keys, and verifies JSON Web Tokens with a verifier of another maker (jose).
//
// `keys` prints private keys as PEM with their public ones. `verify` reads JSON: the token, the public key, what to expect
// of it and the time in seconds; it prints the header and the claims, or why there are none. PACKAGES, from the
// environment, is the folder of the installed packages.
import { createRequire } from "node:module";
import { generateKeyPairSync } from "node:crypto";
import { pathToFileURL } from "node:url";
import { text } from "node:stream/consumers";

const make = (kind, options, extra = {}) => {
  const { privateKey, publicKey } = generateKeyPairSync(kind, options);
  const pem = (type) => privateKey.export({ type, format: "pem" });
  const written = Object.fromEntries(["pkcs8", ...(extra.also ?? [])].map((type) => [type, pem(type)]));
  return { ...written, jwk: publicKey.export({ format: "jwk" }) };
};

const keys = () => ({
  ES384: make("ec", { namedCurve: "P-384" }, { also: ["sec1"] }),
  RS384: make("rsa", { modulusLength: 2048 }, { also: ["pkcs1"] }),
  weak: make("rsa", { modulusLength: 1024 }, { also: ["pkcs1"] }),
  curve: make("ec", { namedCurve: "P-256" }),
});

const verify = async () => {
  const require = createRequire(`${process.env.PACKAGES}/package.json`);
  const { importJWK, jwtVerify } = await import(pathToFileURL(require.resolve("jose")));
  const { token, jwk, algorithm, audience, client, now } = JSON.parse(await text(process.stdin));
  try {
    const { protectedHeader, payload } = await jwtVerify(token, await importJWK(jwk, algorithm), {
      algorithms: [algorithm],
      audience,
      issuer: client,
      subject: client,
      typ: "JWT",
      requiredClaims: ["iss", "sub", "aud", "exp", "jti"],
      currentDate: new Date(now * 1000),
      clockTolerance: 0,
    });
    return { header: protectedHeader, claims: payload };
  } catch (error) {
    return { refused: error.code ?? String(error) };
  }
};

console.log(JSON.stringify(process.argv[2] === "keys" ? keys() : await verify()));
