// `/docs` in a real browser: a person signs in with a token and lists leads, without the internet; also on a phone.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launch } from "./browser.mjs";
import { makoDev } from "./mako.mjs";

const shots = process.env.MAKO_SHOTS ?? fileURLToPath(new URL("../../target", import.meta.url));
let dev, browser;
before(async () => {
  mkdirSync(shots, { recursive: true });
  dev = await makoDev();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await dev?.stop();
});

/** The page in a window of this width; what it asks for elsewhere is refused and noted. */
async function open(width, height) {
  const context = await browser.newContext({ viewport: { width, height }, isMobile: width < 600, hasTouch: width < 600 });
  const page = await context.newPage();
  const elsewhere = [];
  const faults = [];
  await page.route("**/*", (route) => {
    const url = route.request().url();
    if (url.startsWith(dev.api_url) || url.startsWith("data:")) return route.continue();
    elsewhere.push(url);
    return route.abort();
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(dev.docs_url);
  await page.locator("#operations-leads-listLeads").waitFor();
  return { page, elsewhere, faults };
}

async function authorize(page, token) {
  await page.locator(".auth-wrapper .authorize").first().click();
  await page.locator(".modal-ux input").fill(token);
  await page.locator(".modal-ux button.authorize").click();
  await page.locator(".modal-ux button.btn-done").click();
}

/** Opens the operation, sends it, and gives the status and text of the answer. */
async function tryOut(page, id) {
  const operation = page.locator(`#operations-${id}`);
  await operation.locator(".opblock-summary").first().click();
  await operation.locator("button.execute").click();
  const answer = operation.locator(".live-responses-table .response");
  await answer.waitFor();
  return {
    operation,
    status: (await answer.locator(".response-col_status").innerText()).trim(),
    body: await answer.locator(".response-col_description pre").first().innerText(),
  };
}

test("a person signs in and lists leads from the page", async () => {
  const { page, elsewhere, faults } = await open(1280, 900);
  assert.equal(await page.title(), "Mako API");
  const stranger = await tryOut(page, "me-getMe");
  assert.match(stranger.status, /^401/);
  assert.match(stranger.body, /Unauthorized: No active session/);
  await authorize(page, dev.alice.token);
  const { status, body, operation } = await tryOut(page, "leads-listLeads");
  assert.match(status, /^200/);
  assert.match(body, /"data": \[/);
  assert.match(body, /"ai_summary"/);
  await operation.scrollIntoViewIfNeeded();
  await operation.locator(".live-responses-table").scrollIntoViewIfNeeded();
  await page.screenshot({ path: `${shots}/docs.png` });
  assert.deepEqual([elsewhere, faults], [[], []]);
});

test("on a phone nothing is cut off, and leads can be listed as well", async () => {
  const { page, elsewhere } = await open(390, 844);
  await page.screenshot({ path: `${shots}/docs-phone.png` });
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok((await overflow()) <= 0, `the page is ${await overflow()} px too wide`);
  await authorize(page, dev.bob.token);
  const { status, operation } = await tryOut(page, "leads-listLeads");
  assert.match(status, /^200/);
  assert.ok((await overflow()) <= 0, `the open operation is ${await overflow()} px too wide`);
  await operation.locator(".opblock-summary").first().scrollIntoViewIfNeeded();
  await page.screenshot({ path: `${shots}/docs-phone-leads.png` });
  assert.deepEqual(elsewhere, []);
});
