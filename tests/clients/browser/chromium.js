// A headless Chromium for a script: the browser that CHROMIUM names, with a profile of its own, which reaches
// 127.0.0.1 and no other host.

const { chromium } = require("playwright-core");

const ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-first-run",
];

/**
 * Opens an empty page. Returns the browser, the page, and two lists that grow: the hosts that the page asked, each
 * once, and what the console or an uncaught exception said was wrong.
 */
async function open() {
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ARGUMENTS });
    const page = await browser.newPage();
    const hosts = [];
    const errors = [];
    page.on("request", request => {
        const { hostname } = new URL(request.url());
        if (!hosts.includes(hostname)) {
            hosts.push(hostname);
        }
    });
    page.on("console", message => message.type() === "error" && errors.push(message.text()));
    page.on("pageerror", error => errors.push(error.stack));
    return { browser, page, hosts, errors };
}

module.exports = { open };
