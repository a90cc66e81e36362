// What Flagsmith's client for browsers finds at the proxy whose origin is the argument: page.js in Chromium.

const path = require("node:path");
const { visit } = require("./visit.js");

const [, , proxy] = process.argv;
const file = path.join(path.dirname(require.resolve("@flagsmith/flagsmith")), "index.mjs");
visit("page.js", { "@flagsmith/flagsmith": file }, proxy);
