// Opens page.js in Chromium, from an origin of its own, and prints what it finds at the proxy whose origin is the
// argument.

const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { run } = require("../node/checks.js");
const { open } = require("./chromium.js");

const SCRIPTS = {
    "/page.js": path.join(__dirname, "page.js"),
    "/flagsmith.js": path.join(path.dirname(require.resolve("@flagsmith/flagsmith")), "index.mjs"),
};
const PAGE = `<!doctype html>
<title>A client</title>
<link rel="icon" href="data:,">
<script type="module" src="page.js"></script>`;

/** Serves the page; returns its server. */
async function serve() {
    const server = http.createServer((request, response) => {
        const script = SCRIPTS[request.url];
        response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
        response.end(script ? fs.readFileSync(script) : PAGE);
    });
    await new Promise(listening => server.listen(0, "127.0.0.1", listening));
    return server;
}

async function main() {
    const [, , proxy] = process.argv;
    const server = await serve();
    const { browser, page, hosts, errors } = await open();
    await page.goto(`http://127.0.0.1:${server.address().port}/#${proxy}`);
    await page.waitForFunction(() => window.checks);
    const names = await page.evaluate(() => Object.keys(window.checks));
    const find = name => page.evaluate(name => window.checks[name](), name);
    await run(Object.fromEntries(names.map(name => [name, () => find(name)])));
    await run({ "hosts asked": () => hosts, "errors in the console": () => errors });
    await browser.close();
    server.close();
}

main();
