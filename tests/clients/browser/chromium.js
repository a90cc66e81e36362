// A headless Chromium for a script: the browser that CHROMIUM names, with a profile of its own, which reaches
// 127.0.0.1 and no other host.

const { chromium } = require("playwright-core");

// Playwright gives more, which make it headless, without a sandbox and silent.
const ARGUMENTS = ["--disable-gpu", "--disable-quic", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];

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
    const note = error => {
        errors.push(error);
        console.error(error);
    };
    page.on("console", message => message.type() === "error" && note(message.text()));
    page.on("pageerror", error => note(error.stack));
    return { browser, page, hosts, errors };
}

module.exports = { open };
