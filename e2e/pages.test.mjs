// What open pages tell, and what they keep to themselves: tasks that begin elsewhere, notices that are told once, where the focus goes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bookshop, browser, close, countBooks, firstNumber, open, selectAllMatching, selected, set, until } from './support.mjs';

const BOOKS = 3000;
let shop, chrome;

before(async () => {
  // One record a chunk, so that there is something to hear of.
  shop = await bookshop(BOOKS, { POWERCRUD_RESOURCES__book__bulk_chunk_size: '1' });
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

const box = (locator) => locator.evaluate((element) => element.getBoundingClientRect().toJSON());

/** Submits a change of all books in a window of its own. */
async function submitElsewhere(format) {
  const page = await open(chrome);
  await countBooks(page, shop.address, '');
  await selectAllMatching(page, BOOKS);
  await page.locator('#bulk-edit').click();
  await set(page, 'format', format);
  await page.locator('#dialog-submit').click();
  await page.locator('#dialog').getByRole('link', { name: 'View status' }).waitFor();
  await close(page);
}

test('open pages hear of a task that begins and ends elsewhere, by one stream each', async () => {
  const list = await open(chrome);
  const record = await open(chrome);
  const streams = new Map([[list, 0], [record, 0]]);
  for (const page of streams.keys()) page.on('request', (request) => /tasks\/events/.test(request.url()) && streams.set(page, streams.get(page) + 1));
  await list.goto(`${shop.address}/resources/book`);
  await record.goto(`${shop.address}/resources/author/records/1`);
  await until(() => [...streams.values()].join(), (text) => text === '1,1', 'one stream each');
  const idle = [];
  for (const page of streams.keys()) page.on('request', (request) => idle.push(request.url()));
  await list.waitForTimeout(3000);
  assert.deepEqual(idle, [], 'nobody asks for anything while nothing happens');
  await submitElsewhere('audiobook');
  await list.locator('#strips').getByText(/audiobook on 3,000 books/).waitFor();
  await until(() => list.locator('tbody [title^="Held by"]').count(), (count) => count > 0, 'the locks');
  await list.locator('#tasks-badge').getByText('1 running').waitFor();
  await record.locator('#tasks-badge').getByText('1 running').waitFor();
  const toast = (page) => page.locator('#toasts [data-toast]').filter({ hasText: '3,000 books' });
  await Promise.race([toast(list).waitFor({ timeout: 60_000 }), toast(record).waitFor({ timeout: 60_000 })]);
  await until(() => list.locator('tbody').textContent(), (text) => !/paperback|hardcover|ebook/.test(text), 'the rows are fresh');
  await until(() => list.locator('tbody [title^="Held by"]').count(), (count) => count === 0, 'no lock is left');
  await close(list);
  await close(record);
});

test('what was saved is told once', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book/records/5/edit`);
  await page.locator('[name=title]').fill('Saved with care');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.', { exact: true }).waitFor();
  assert.match(page.url(), /\/records\/5$/);
  await page.reload();
  assert.equal(await page.getByText('Saved.', { exact: true }).count(), 0);
  await close(page);
});

test('a form that stands open leaves no failed requests', async () => {
  const page = await open(chrome);
  const failed = [];
  page.on('requestfailed', (request) => failed.push(request.url()));
  let asked = 0;
  page.on('requestfinished', (request) => /healthz/.test(request.url()) && (asked += 1));
  await page.goto(`${shop.address}/resources/book/records/6/edit`);
  await until(() => asked, (number) => number >= 2, 'it asks whether the server is there');
  assert.deepEqual(failed.filter((url) => /healthz/.test(url)), []);
  await close(page);
});

test('from a menu to a dialog and back, the focus is on the menu’s button', async () => {
  const page = await open(chrome, { viewport: { width: 390, height: 844 } });
  await page.goto(`${shop.address}/resources/book`);
  // The demo's actions are the demo's alone; a menu of this shape is made of what is there.
  await page.locator('.row-check').first().click();
  await selected(page, 1);
  await page.evaluate(() => {
    const menu = document.createElement('details');
    menu.dataset.menu = '';
    menu.innerHTML = '<summary id="a-menu">Actions</summary><div class="dropdown-content"></div>';
    menu.lastElementChild.append(document.getElementById('bulk-edit'));
    document.getElementById('selection-bar').append(menu);
  });
  await page.locator('#a-menu').click();
  await page.locator('#bulk-edit').click();
  await page.locator('#dialog[open]').waitFor();
  await page.keyboard.press('Escape');
  await until(() => page.evaluate(() => document.activeElement.id), (id) => id === 'a-menu', 'the focus');
  assert.equal(await page.locator('details[data-menu][open]').count(), 0);
  await close(page);
});

test('a mistake in a bulk edit can’t be sent, and promises nothing', async () => {
  const page = await open(chrome);
  await countBooks(page, shop.address, '');
  await selectAllMatching(page, BOOKS);
  await page.locator('#bulk-edit').click();
  await set(page, 'stock', 'many');
  const button = page.locator('#dialog-submit');
  await until(() => button.isDisabled(), (disabled) => disabled, 'the button');
  assert.equal(await page.locator('#dialog [data-background]').isVisible(), false);
  await page.locator('[name="set.stock"]').fill('5');
  await until(() => button.isDisabled(), (disabled) => !disabled, 'the button');
  assert.ok(firstNumber(await button.textContent()) > 0);
  await close(page);
});

test('a notice leaves a dialog’s title in sight', async () => {
  for (const viewport of [{ width: 1280, height: 800 }, { width: 390, height: 844 }]) {
    const page = await open(chrome, { viewport });
    await page.goto(`${shop.address}/resources/book`);
    await page.locator('.row-check').first().click();
    await selected(page, 1);
    await page.locator('#bulk-edit').click();
    await page.locator('#dialog[open]').waitFor();
    await page.evaluate(() => document.dispatchEvent(new CustomEvent('notice', { detail: { message: 'Something was done.' } })));
    const title = await box(page.locator('#dialog-title'));
    const toast = await box(page.locator('#toasts [data-toast]'));
    assert.ok(toast.top >= title.bottom, JSON.stringify({ title, toast }));
    assert.ok(toast.bottom <= viewport.height, JSON.stringify(toast));
    await close(page);
  }
});

test('a long value without a blank leaves the task list within a phone', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book`);
  await page.locator('.row-check').first().click();
  await selected(page, 1);
  await page.locator('#bulk-edit').click();
  await set(page, 'title', 'x'.repeat(200));
  await page.locator('#dialog-submit').click();
  await page.locator('#dialog[open]').waitFor({ state: 'detached' });
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 844 });
    await page.goto(`${shop.address}/tasks`);
    const over = await page.locator('#tasks [role=region]').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
    assert.ok(over <= 0, `at ${width} it is cut by ${over}`);
    const row = await box(page.locator('#tasks tbody tr').first());
    if (width === 1280) assert.ok(row.height <= 48, `a row of ${row.height}`);
  }
  await close(page);
});

test('on paper there is the table, whole, and nothing to press', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book`);
  await page.emulateMedia({ media: 'print' });
  for (const gone of ['body > header', '#selection-bar', '.row-check', '#search', '#add-filter']) {
    assert.equal(await page.locator(gone).first().isVisible(), false, gone);
  }
  assert.ok(await page.locator('tbody tr').first().isVisible());
  await close(page);
});

test('a list that comes anew by itself keeps what was ticked meanwhile', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book`);
  const isList = (url) => url.pathname === '/resources/book';
  let release;
  const held = new Promise((resolve) => (release = resolve));
  let lists = 0;
  let answers = 0;
  page.on('response', (answer) => (answers += Number(isList(new URL(answer.url())))));
  await page.route(isList, async (route) => {
    lists += 1;
    // Answered before the tick, and taken afterwards.
    const answer = await route.fetch();
    if (lists === 1) await held;
    await route.fulfill({ response: answer });
  });
  const asked = page.waitForRequest((request) => isList(new URL(request.url())));
  await page.evaluate(() => window.htmx.trigger(document.body, 'refreshTable'));
  await asked;
  await until(() => lists, (count) => count === 1, 'the list is asked for');
  await page.locator('.row-check').first().click();
  await selected(page, 1);
  release();
  await until(() => answers, (count) => count === 2, 'the list is asked for again');
  await selected(page, 1);
  assert.ok(await page.locator('.row-check').first().isChecked());
  await page.unrouteAll({ behavior: 'wait' });
  await close(page);
});
