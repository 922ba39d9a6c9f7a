// The page that `mako prove --format html` makes, in a real browser: wide, on a phone, in print, by keyboard, in the dark.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { launch } from "./browser.mjs";
import { binary } from "./mako.mjs";

const repository = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const shots = process.env.MAKO_SHOTS ?? repository("target");
const HOSTILE = `<script>document.title = "run"</script>'"`;
const MIGRATION = `
create table public."${HOSTILE.replaceAll('"', '""')}" (id uuid primary key, team_id uuid not null references public.teams);
create table public.projects (id uuid primary key default gen_random_uuid(), team_id uuid not null references public.teams, name text);
alter table public.projects enable row level security;
create policy "Members work on projects" on public.projects for all to authenticated
  using (public.is_member(team_id) or name like 'shared%') with check (public.is_member(team_id));
`;

let folder, browser;
before(async () => {
  mkdirSync(shots, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), "mako-report-"));
  cpSync(repository("tests/projects/teams/supabase"), join(folder, "supabase"), { recursive: true });
  writeFileSync(join(folder, "supabase/migrations/20991231000000_last.sql"), MIGRATION);
  const arguments_ = ["prove", "supabase", "--format", "html=report.html"];
  const code = await new Promise((resolve) => {
    execFile(binary, arguments_, { cwd: folder, maxBuffer: 1 << 24 }, (error) => resolve(error?.code ?? 0));
  });
  assert.equal(code, 1, "the project leaks");
  browser = await launch();
});
after(async () => {
  await browser?.close();
  if (folder) rmSync(folder, { recursive: true });
});

/** The page; what it asks for, and what goes wrong in it, is noted. */
async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  const asked = [];
  const faults = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => faults.push(message.text()));
  const url = pathToFileURL(join(folder, "report.html")).href;
  await page.goto(url);
  assert.deepEqual(asked, [url], "it is one file");
  return { page, faults };
}

test("it tells each leak as a story, with what stands there and what could", async () => {
  const { page, faults } = await open();
  await page.screenshot({ path: `${shots}/report.png` });
  const leak = page.locator("details.leak-finding", { hasText: "public.invitations" }).first();
  assert.match(await leak.innerText(), /Bob.* looks into public\.invitations\. Rows of Alice's are among what he gets\./);
  assert.match(await leak.locator(".change").innerText(), /NOW|Now[\s\S]*using \(true\)[\s\S]*For example[\s\S]*is_member\(team_id\)/i);
  assert.ok(await page.getByText("read: LEAK in 3 relations").count() > 0, "the picture says it in words");
  assert.deepEqual(faults, []);
});

test("names are text, whatever they hold, and no script would run", async () => {
  const { page, faults } = await open();
  assert.equal(await page.title(), "mako prove: LEAK");
  assert.equal(await page.locator("script").count(), 0);
  assert.ok((await page.locator("tbody th code").allInnerTexts()).includes(`public.${HOSTILE}`));
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = `document.title = "run"`;
    document.body.append(script);
  });
  assert.equal(await page.title(), "mako prove: LEAK");
  assert.match(faults.join(), /Content Security Policy/);
});

test("on a phone nothing is cut off, and each cell says what it is of", async () => {
  const { page } = await open({ viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok((await overflow()) <= 0, `it is ${await overflow()} px too wide`);
  const label = await page.locator("tbody td.leak").first().evaluate((cell) => getComputedStyle(cell, "::before").content);
  assert.match(label, /read/);
  await page.screenshot({ path: `${shots}/report-phone.png`, fullPage: false });
  for (const summary of await page.locator("details details > summary").all()) await summary.evaluate((it) => it.parentElement.open = true);
  assert.ok((await overflow()) <= 0, `with its SQL it is ${await overflow()} px too wide`);
});

test("by keyboard one skips to the findings, opens one, and follows a cell to its leak", async () => {
  const { page } = await open();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "SUMMARY");
  const isOpen = () => page.evaluate(() => document.activeElement.parentElement.open);
  assert.equal(await isOpen(), true);
  await page.keyboard.press("Enter");
  assert.equal(await isOpen(), false);
  const cell = page.locator("td.leak a").first();
  await cell.focus();
  await page.keyboard.press("Enter");
  assert.match(page.url(), /#f\d+$/);
});

test("in print every finding is open, and in the dark the text is light", async () => {
  const { page } = await open({ colorScheme: "dark" });
  const brightness = (what) =>
    page.evaluate((what) => getComputedStyle(document.body)[what].match(/\d+/g).slice(0, 3).reduce((sum, n) => sum + Number(n), 0), what);
  assert.ok((await brightness("color")) > (await brightness("backgroundColor")));
  await page.screenshot({ path: `${shots}/report-dark.png` });
  const risk = page.locator("details.risk-finding").first();
  const height = () => risk.evaluate((it) => it.getBoundingClientRect().height);
  const closed = await height();
  await page.emulateMedia({ media: "print" });
  assert.ok((await height()) > closed * 1.5, "a closed finding is printed open");
  assert.ok((await brightness("color")) < (await brightness("backgroundColor")), "paper is white");
});
