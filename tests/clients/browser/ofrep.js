// What OpenFeature's OFREP provider for browsers finds at the proxy whose origin is the argument: ofrep_page.js in
// Chromium.

const fs = require("node:fs");
const path = require("node:path");
const { visit } = require("./visit.js");

/** The file of a package that browsers import. */
function file(name, within) {
    let directory = path.dirname(require.resolve(name, { paths: [within] }));
    while (!fs.existsSync(path.join(directory, "index.esm.js")) && !fs.existsSync(path.join(directory, "esm"))) {
        directory = path.dirname(directory);
    }
    const candidates = ["index.esm.js", "esm/index.js"].map(file => path.join(directory, file));
    return candidates.find(fs.existsSync);
}

const [, , proxy] = process.argv;
const provider = "@openfeature/ofrep-web-provider";
const within = path.dirname(require.resolve(provider));
const modules = [provider, "@openfeature/ofrep-core", "@openfeature/web-sdk", "@openfeature/core"];
visit("ofrep_page.js", Object.fromEntries(modules.map(name => [name, file(name, within)])), proxy);
