// Opens a page in Chromium, from an origin of its own, and prints what its script finds at a proxy.

const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { run } = require("../node/checks.js");
const { open } = require("./chromium.js");

/** The page of a script, which imports modules by their names. */
function page(modules) {
    const imports = Object.fromEntries(Object.keys(modules).map(name => [name, `/modules/${name}`]));
    return `<!doctype html>
<title>A client</title>
<link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module" src="page.js"></script>`;
}

/** Serves the page, its script and the modules; returns its server. */
async function serve(script, modules) {
    const files = { "/page.js": path.join(__dirname, script) };
    for (const [name, file] of Object.entries(modules)) {
        files[`/modules/${name}`] = file;
    }
    const server = http.createServer((request, response) => {
        const file = files[request.url];
        response.setHeader("Content-Type", file ? "text/javascript" : "text/html");
        response.end(file ? fs.readFileSync(file) : page(modules));
    });
    await new Promise(listening => server.listen(0, "127.0.0.1", listening));
    return server;
}

/**
 * Runs the checks of a script, which finds the origin of the proxy in its page's address. `modules`: the file of each
 * module that it imports.
 */
async function visit(script, modules, proxy) {
    const server = await serve(script, modules);
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

module.exports = { visit };
