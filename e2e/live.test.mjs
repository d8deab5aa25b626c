// Progress as people watch it: in two windows, without the stream, through a restart of the server, and without scripts.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  bookshop, browser, close, countBooks, firstNumber, open, reload, selectAllMatching, selected, set, until,
} from './support.mjs';

const BOOKS = 6000;
let shop, chrome;

before(async () => {
  // One record a chunk, so that there is something to watch.
  shop = await bookshop(BOOKS, { POWERCRUD_RESOURCES__book__bulk_chunk_size: '1' });
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

/** Submits a change of all books and returns the address of its task. */
async function submit(page, stock) {
  await countBooks(page, shop.address, '');
  await selectAllMatching(page, BOOKS);
  await page.locator('#bulk-edit').click();
  await set(page, 'stock', stock);
  await page.locator('#dialog-submit').click();
  const link = page.locator('#dialog').getByRole('link', { name: 'View status' });
  return new URL(await link.getAttribute('href'), shop.address).href;
}

const percent = async (page) => Number(await page.locator('#task progress').getAttribute('value'));
const state = (page) => page.locator('#task h1 + span').textContent();
const ended = (page) => until(() => state(page), (text) => !/Queued|Running/.test(text), 'the task ends');

/** Notes how far a page says its task is, until it has ended. */
async function watch(page, seen = []) {
  const polls = [];
  page.on('request', (request) => request.url().endsWith('/progress') && polls.push(request));
  await until(async () => {
    const now = await percent(page);
    if (seen.at(-1) !== now) seen.push(now);
    return state(page);
  }, (text) => !/Queued|Running/.test(text), 'the task ends');
  const sorted = [...seen].sort((one, other) => one - other);
  assert.deepEqual(seen, sorted, 'progress goes back');
  return { between: seen.filter((value) => value > 0 && value < 100).length, polls: polls.length };
}

test('the bar moves in two windows at once, by their streams', async () => {
  const one = await open(chrome);
  const address = await submit(one, '1011');
  const other = await open(chrome);
  await Promise.all([one.goto(address), other.goto(address)]);
  for (const { between, polls } of await Promise.all([watch(one), watch(other)])) {
    assert.ok(between >= 2, `the bar moved ${between} times`);
    assert.ok(polls <= 4, `${polls} polls beside the stream`);
  }
  for (const page of [one, other]) {
    assert.match(await page.locator('#task').textContent(), /100 %/);
    assert.equal(await page.locator('#task[sse-connect]').count(), 0, 'nothing comes any more');
    assert.match(await page.locator('#announcer').textContent(), /Done, 6,000 changed/);
    await close(page);
  }
});

test('the list shows how far the task is, and is fresh when it has ended', async () => {
  const page = await open(chrome);
  const polls = [];
  await submit(page, '12');
  page.on('request', (request) => request.url().endsWith('/strip') && polls.push(request));
  await page.keyboard.press('Escape');
  const strip = page.locator('#strips > div').first();
  const seen = new Set();
  await until(async () => {
    const text = await strip.textContent();
    seen.add(text.match(/[\d,]+ of [\d,]+/)?.[0]);
    return text;
  }, (text) => /6,000 changed/.test(text), 'the strip tells the end');
  assert.ok(seen.size > 3, [...seen].join('; '));
  assert.ok(polls.length <= 4, `${polls.length} polls beside the stream`);
  await until(() => page.locator('#region').textContent(), (text) => !/\b11\b/.test(text) || /\b12\b/.test(text), 'the table is fresh');
  await close(page);
});

test('where streams do not get through, the page asks by itself', async () => {
  const page = await open(chrome);
  const address = await submit(page, '13');
  await page.route('**/tasks/events*', (route) => route.abort());
  await page.goto(address);
  const { between, polls } = await watch(page);
  assert.ok(between >= 2 && polls >= 2, `${between} moves, ${polls} polls`);
  await page.context().close();
});

test('a page that is open while the server is restarted goes on by itself', async () => {
  const page = await open(chrome);
  const address = await submit(page, '14');
  await page.goto(address);
  await until(() => percent(page), (value) => value > 0, 'it has begun');
  await page.evaluate(() => (window.sameDocument = true));
  const stopped = Date.now();
  await shop.halt();
  assert.ok(Date.now() - stopped < 8000, 'an open page holds the server up');
  await shop.start();
  const { between } = await watch(page, [await percent(page)]);
  assert.ok(between >= 1);
  assert.match(await state(page), /Done/);
  assert.ok(await page.evaluate(() => window.sameDocument), 'without loading the page anew');
  // What failed while the server was away is what was asked for here.
  await page.context().close();
});

test('without scripts a task can be followed, cancelled and gone on with', async () => {
  const scripted = await open(chrome);
  const address = await submit(scripted, '15');
  await close(scripted);
  const page = await open(chrome, { javaScriptEnabled: false });
  await page.goto(address);
  assert.equal(await page.locator('noscript meta[http-equiv=refresh]').count(), 1);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await until(async () => {
    await reload(page);
    return state(page);
  }, (text) => /Cancelled/.test(text), 'the cancel');
  await page.getByRole('button', { name: /Go on with/ }).click();
  await page.waitForURL((url) => url.href !== address);
  await until(async () => {
    await reload(page);
    return state(page);
  }, (text) => /Done/.test(text), 'the rest');
  assert.equal(await countBooks(page, shop.address, 'stock=15'), BOOKS);
  await close(page);
});

test('what failed is looked through, downloaded and tried again, and a conflict can wait its turn', async () => {
  const page = await open(chrome, { acceptDownloads: true });
  // Books on orders can't be deleted, so only some of these go.
  const few = await countBooks(page, shop.address, 'id__lte=150');
  await selectAllMatching(page, few);
  await page.locator('#bulk-delete').click();
  await page.locator('[name=confirm]').check();
  await page.locator('#dialog-submit').click();
  const link = page.locator('#dialog').getByRole('link', { name: 'View status' });
  await page.goto(new URL(await link.getAttribute('href'), shop.address).href);
  await ended(page);
  await page.locator('#records').getByText(/records failed/).waitFor();
  assert.equal(await page.evaluate(() => scrollY), 0, 'the page stays where it is when the records come');
  await page.locator('#task-tiles').getByRole('link').last().click();
  await page.locator('#records').getByText(/records failed/).waitFor();
  const failed = firstNumber(await page.locator('#records h2').textContent());
  assert.ok(failed > 0 && failed < few);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download CSV' }).click()]);
  const lines = (await readFile(await download.path(), 'utf8')).trim().split('\n');
  assert.match(download.suggestedFilename(), /^book-failed-.*\.csv$/);
  assert.equal(lines.length, failed + 1);
  assert.match(lines[0], /^record_key,error_field,error_code,error_message,id,title/);
  await page.locator('#records').getByRole('link', { name: 'Show these in the list' }).click();
  await until(() => page.locator('#summary').textContent(), (text) => firstNumber(text) === failed, 'the failed in the list');
  await page.goBack();
  await page.getByRole('button', { name: `Retry ${failed} failed` }).click();
  await page.getByText('Comes of').waitFor();
  await ended(page);
  assert.match(await page.locator('#task').textContent(), /Failed|Nothing/);

  // Another window has everything; this one waits behind it.
  const other = await open(chrome);
  await countBooks(other, shop.address, '');
  await other.locator('.row-check').first().click();
  await selected(other, 1);
  await countBooks(page, shop.address, '');
  const all = firstNumber(await page.locator('#summary').textContent());
  await selectAllMatching(page, all);
  await page.locator('#bulk-edit').click();
  await set(page, 'stock', '21');
  await other.locator('#bulk-edit').click();
  await set(other, 'stock', '22');
  await page.locator('#dialog-submit').click();
  await page.locator('#dialog').getByRole('link', { name: 'View status' }).waitFor();
  await other.locator('#dialog-submit').click();
  await other.getByRole('button', { name: 'Queue mine behind it' }).waitFor();
  const top = await other.locator('#dialog [role=alert]').evaluate((alert) => alert.getBoundingClientRect().top);
  assert.ok(top >= 0, `what is in the way is told out of sight, at ${top}`);
  assert.equal(await other.locator('[name="set.stock"]').inputValue(), '22');
  await other.getByRole('button', { name: 'Queue mine behind it' }).click();
  await other.locator('#dialog').getByText(/It waits for another bulk task/).waitFor();
  await other.locator('#dialog').getByRole('link', { name: 'View status' }).click();
  await other.locator('#task').waitFor();
  await until(() => state(other), (text) => /Done/.test(text), 'its turn');
  assert.match(await other.locator('#task-about').textContent(), /had to wait for another bulk task/);
  assert.equal(await countBooks(page, shop.address, 'stock=22'), 1);
  await close(page);
  // The refusal itself is what was asked for here.
  other.problems = other.problems.filter((problem) => !/status of 409/.test(problem));
  await close(other);
});
