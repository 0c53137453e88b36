// Verifies DKIM signatures with a verifier of another maker (mailauth). Not: with DNS, whose answer the test gives.
//
// From the environment: PACKAGES, the folder of the installed packages. Reads JSON, the message and the records of DNS by
// name, and prints the results as JSON.
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const require = createRequire(`${process.env.PACKAGES}/package.json`);
const { dkimVerify } = require("mailauth/lib/dkim/verify");

const { message, records } = JSON.parse(await text(process.stdin));
const resolver = async (name) => {
  if (records[name]) return [[records[name]]];
  throw Object.assign(new Error("no record"), { code: "ENOTFOUND" });
};
const { results } = await dkimVerify(Buffer.from(message, "latin1"), { resolver });
console.log(JSON.stringify(results.map(({ status, signingDomain, selector, algo, signingHeaders }) =>
  ({ result: status.result, comment: status.comment ?? null, signingDomain, selector, algo, headers: signingHeaders?.keys }))));
