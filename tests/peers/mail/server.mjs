// A mail server of another maker (smtp-server) with a parser of another maker (mailparser), for one test. Not: a server
// for anything else.
//
// **It ends when its standard input does**, whatever became of the test.
//
// From the environment: PACKAGES, the folder of the installed packages; TLS, `none`, `starttls` or `implicit`; KEY and
// CERT, PEM files; USER_NAME and PASSWORD, if it asks for them. It prints its port; then, for each line it reads, the mails
// that have arrived since the last, as one line of JSON.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const { env } = process;
const require = createRequire(`${env.PACKAGES}/package.json`);
const { SMTPServer } = require("smtp-server");
const { simpleParser } = require("mailparser");

// A client that goes away in the middle is part of the tests.
const whole = async (stream) => {
  const pieces = [];
  try {
    for await (const piece of stream) pieces.push(piece);
    return Buffer.concat(pieces);
  } catch {
    return null;
  }
};

const arrived = [];
const asksForLogin = Boolean(env.USER_NAME);
const server = new SMTPServer({
  secure: env.TLS === "implicit",
  key: env.KEY && readFileSync(env.KEY),
  cert: env.CERT && readFileSync(env.CERT),
  hideSTARTTLS: env.TLS !== "starttls",
  authOptional: !asksForLogin,
  allowInsecureAuth: env.TLS === "none",
  disableReverseLookup: true,
  onAuth: ({ username, password }, session, callback) =>
    username === env.USER_NAME && password === env.PASSWORD
      ? callback(null, { user: username })
      : callback(new Error("wrong")),
  async onData(stream, session, callback) {
    const raw = await whole(stream);
    if (!raw) return callback(new Error("cut off"));
    const mail = await simpleParser(raw, { skipHtmlToText: true, skipTextToHtml: true, skipTextLinks: true });
    const { mailFrom, rcptTo } = session.envelope;
    arrived.push({
      envelope: { from: mailFrom.address, to: rcptTo.map(({ address }) => address) },
      secure: session.secure,
      user: session.user ?? null,
      from: mail.from.value,
      replyTo: mail.replyTo?.value ?? [],
      to: mail.to.value,
      subject: mail.subject,
      messageId: mail.messageId,
      text: mail.text,
      html: mail.html,
      headers: mail.headerLines.map(({ key }) => key),
      raw: raw.toString("latin1"),
    });
    callback();
  },
});
server.on("error", () => {});
server.listen(0, "127.0.0.1", () => console.log(server.server.address().port));

createInterface({ input: process.stdin })
  .on("line", () => console.log(JSON.stringify(arrived.splice(0))))
  .on("close", () => process.exit());
