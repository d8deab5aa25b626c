// A bookshop of its own for each file of tests, served by the real program, and a browser to visit it.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

const program = process.env.POWERCRUD_TEST_PROGRAM ?? fileURLToPath(new URL('../target/debug/powercrud', import.meta.url));

/**
 * Makes and serves a demo bookshop; `stop` ends it and removes it, `halt` and `start` are what an operator does at an update. With
 * settings, as environment variables, the bookshop is served like any other database; with users, of whom `staff` are staff, it asks
 * for login.
 */
export async function bookshop(books, settings = null, users = [], staff = []) {
  const folder = await mkdtemp(join(tmpdir(), 'powercrud-browser-'));
  const demo = ['demo', '--rows', String(books), '--data-dir', folder];
  let { server, address } = await run(demo, '127.0.0.1:0', {});
  const halt = async () => {
    const ended = new Promise((resolve) => server.on('exit', resolve));
    server.kill('SIGTERM');
    await ended;
  };
  const start = async () => {
    const own = ['serve', '--database', `sqlite:${join(folder, 'bookshop.db')}`];
    ({ server } = await run(settings ? own : demo, new URL(address).host, settings ?? {}));
  };
  const stop = async () => {
    await halt();
    await rm(folder, { recursive: true, force: true });
  };
  if (settings) {
    await halt();
    for (const name of users) {
      const command = ['user', 'add', name, '--database', `sqlite:${join(folder, 'bookshop.db')}`];
      if (staff.includes(name)) command.push('--staff');
      await promisify(execFile)(program, command, { env: { ...process.env, POWERCRUD_PASSWORD: PASSWORD } });
    }
    await start();
  }
  return { address, halt, start, stop };
}

/** What every user of a test signs in with. */
const PASSWORD = 'correct horse battery';

/** A window of somebody who has signed in. */
export async function signedIn(instance, address, name, options = {}) {
  const page = await open(instance, options);
  await page.goto(`${address}/tasks`);
  await page.locator('#name').fill(name);
  await page.locator('#password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/tasks$/);
  return page;
}

async function run(command, bind, settings) {
  const server = spawn(program, [...command, '--bind', bind], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...settings },
  });
  let log = '';
  server.stderr.on('data', (data) => (log += data));
  const address = await new Promise((resolve, reject) => {
    let text = '';
    server.stdout.on('data', (data) => {
      text += data;
      const found = text.match(/http:\/\/\S+/);
      if (found) resolve(found[0]);
    });
    server.on('exit', () => reject(new Error(`the server ended: ${log}`)));
    server.on('error', reject);
  });
  return { server, address };
}

/** A browser without its calls home. */
export async function browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
    ],
  });
}

/** A page that remembers what went wrong on it; `page.problems` must stay empty. */
export async function open(instance, options = {}) {
  const context = await instance.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // What the content security policy refuses is an error here, too.
    if (message.type() === 'error') page.problems.push(`console: ${message.text()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 500) page.problems.push(`${response.status()} ${response.url()}`);
  });
  return page;
}

/** Closes a page, and fails where anything went wrong on it. */
export async function close(page) {
  await page.context().close();
  assert.deepEqual(page.problems, []);
}

/** Waits until `read` gives what `fits`. */
export async function until(read, fits, what) {
  const end = Date.now() + 60_000;
  for (;;) {
    const value = await read();
    if (fits(value)) return value;
    assert.ok(Date.now() < end, `${what}: still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Reloads a page that may be reloading by itself at the same moment. */
export async function reload(page) {
  try {
    await page.reload();
  } catch (error) {
    if (!/Not attached to an active page|ERR_ABORTED|interrupted/.test(error.message)) throw error;
    await page.waitForLoadState();
  }
}

/** The first number of a text: 12304 of "12,304 of 100,000 books". */
export function firstNumber(text) {
  const found = text.match(/[\d,]+/);
  assert.ok(found, `no number in ${JSON.stringify(text)}`);
  return Number(found[0].replaceAll(',', ''));
}

/** How many books a list says it holds under these conditions. */
export async function countBooks(page, address, query) {
  await page.goto(`${address}/resources/book?${query}`);
  if (await page.getByText(/no books/i).count()) return 0;
  return firstNumber(await page.locator('#summary').textContent());
}

const bar = (page) => page.locator('#selection-bar').textContent();

/** Waits until so many records are selected. */
export const selected = (page, number) =>
  until(() => bar(page), (text) => /\d/.test(text) && firstNumber(text) === number, `${number} selected`);

/** Selects all records that the list's filters match. */
export async function selectAllMatching(page, number) {
  await page.locator('[data-page-check]').first().click();
  await selected(page, Math.min(25, number));
  await page.locator('#selection-bar').getByText(/Select all/).click();
  await selected(page, number);
}

/** Ticks a field of the bulk edit dialog and gives it a value. */
export async function set(page, field, value) {
  await page.locator(`input[name=change][value="${field}"]`).check();
  const widget = page.locator(`[name="set.${field}"]`);
  if ((await widget.evaluate((element) => element.tagName)) === 'SELECT') await widget.selectOption(value);
  else await widget.fill(value);
}

/** Follows "View status" to the task's page and waits for its end. Returns the outcome tiles by label. */
export async function finished(page) {
  await page.locator('#dialog').getByRole('link', { name: 'View status' }).click();
  await page.waitForURL(/\/tasks\//);
  await until(
    async () => (await page.locator('#task').getAttribute('hx-get')) === null,
    (ended) => ended,
    'the task does not end',
  );
  const tiles = {};
  for (const tile of await page.locator('#task dl').first().locator('> div').all()) {
    tiles[(await tile.locator('dt').textContent()).trim()] = firstNumber(await tile.locator('dd').textContent());
  }
  return tiles;
}
