// A server that goes away while somebody looks, and tabs that tick records of their own.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bookshop, browser, countBooks, open, selectAllMatching, selected, set, until } from './support.mjs';

const BOOKS = 1200;
let shop, chrome;

before(async () => {
  shop = await bookshop(BOOKS, { POWERCRUD_RESOURCES__book__bulk_chunk_size: '1' });
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

const sign = (page) => page.locator('#connection');

test('with the server gone a page says so, and shows the truth when it is back', async () => {
  const page = await open(chrome);
  await countBooks(page, shop.address, '');
  await selectAllMatching(page, BOOKS);
  await page.locator('#bulk-edit').click();
  await set(page, 'stock', '21');
  await page.locator('#dialog-submit').click();
  const link = page.locator('#dialog').getByRole('link', { name: 'View status' });
  const task = new URL(await link.getAttribute('href'), shop.address).href;
  const list = await page.context().newPage();
  await list.goto(`${shop.address}/resources/book`);
  await page.goto(task);
  const percent = async () => Number(await page.locator('#task progress').getAttribute('value'));
  await until(percent, (value) => value > 0, 'it has begun');
  assert.ok(await sign(page).isHidden());
  await shop.halt();
  for (const one of [page, list]) {
    await until(() => sign(one).isVisible(), (shown) => shown, 'the words are there');
    assert.match(await sign(one).textContent(), /Connection lost, trying again/);
    const paused = (spinners) => spinners.every((spinner) => getComputedStyle(spinner).animationPlayState === 'paused');
    assert.ok(await one.locator('.spinner').evaluateAll(paused), 'nothing turns');
  }
  // What is shown stands still: there is nothing that could move it.
  const before = await page.locator('#task').textContent();
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.equal(await page.locator('#task').textContent(), before);
  await page.evaluate(() => (window.sameDocument = true));
  await shop.start();
  for (const one of [page, list]) await until(() => sign(one).isHidden(), (hidden) => hidden, 'the words go');
  await until(() => page.locator('#task h1 + span').textContent(), (text) => /Done/.test(text), 'the task ends');
  assert.match(await page.locator('#task').textContent(), /100 %/);
  assert.ok(await page.evaluate(() => window.sameDocument), 'without loading the page anew');
  await until(() => list.locator('#strips').textContent(), (text) => /changed/.test(text), 'the list tells the end');
  await page.context().close();
});

test('a tick that does not reach the server is taken back, and that is said', async () => {
  const page = await open(chrome);
  await countBooks(page, shop.address, '');
  await shop.halt();
  await page.locator('.row-check').nth(2).click();
  await page.locator('#toasts').getByText('what you ticked is not noted').waitFor();
  await until(() => page.locator('.row-check:checked').count(), (count) => count === 0, 'the tick is taken back');
  await page.locator('.row-check').nth(3).click();
  await until(() => page.locator('.row-check:checked').count(), (count) => count === 0, 'the next one as well');
  assert.equal(await page.locator('#toasts [data-toast]').count(), 1, 'one notice for all of them');
  await shop.start();
  await until(() => sign(page).isHidden(), (hidden) => hidden, 'the words go');
  await page.locator('.row-check').nth(2).click();
  await selected(page, 1);
  await page.context().close();
});

test('a form whose server is gone says so and keeps what was typed', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book/records/7/edit`);
  const title = page.locator('[name=title]');
  await title.fill('Typed with care');
  await shop.halt();
  await until(() => sign(page).isVisible(), (shown) => shown, 'it is told before anything is sent');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('[data-record-form]').getByText('What you typed is kept here').waitFor();
  assert.equal(await title.inputValue(), 'Typed with care');
  await shop.start();
  await until(() => sign(page).isHidden(), (hidden) => hidden, 'the words go');
  // A mistake comes back to the form, with the rest of what was typed.
  await page.locator('[name=price]').fill('a lot');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('[name=price][aria-invalid=true]').waitFor();
  assert.equal(await title.inputValue(), 'Typed with care');
  await page.locator('[name=price]').fill('12.50');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(/\/records\/7$/);
  assert.match(await page.locator('h1').textContent(), /Typed with care/);
  await page.context().close();
});

test('two tabs of one list tick records of their own, and a reload keeps them', async () => {
  const one = await open(chrome);
  await countBooks(one, shop.address, '');
  await one.locator('.row-check').nth(0).click();
  await one.locator('.row-check').nth(1).click();
  await selected(one, 2);
  const two = await one.context().newPage();
  await two.goto(`${shop.address}/resources/book`);
  await two.waitForLoadState('networkidle');
  assert.equal(await two.locator('#selection-bar strong').count(), 0, 'a new tab has nothing ticked');
  await two.locator('.row-check').nth(4).click();
  await selected(two, 1);
  await one.reload();
  await selected(one, 2);
  assert.equal(await one.locator('.row-check:checked').count(), 2);
  await two.reload();
  await selected(two, 1);
  // A link that opens in a new tab, and a copy of the tab's storage, as a browser makes it where a tab is duplicated.
  const copied = await one.evaluate(() => JSON.stringify({ ...sessionStorage }));
  const three = await one.context().newPage();
  await three.addInitScript((items) => {
    if (sessionStorage.length === 0) for (const [name, value] of Object.entries(JSON.parse(items))) sessionStorage.setItem(name, value);
  }, copied);
  await three.goto(`${shop.address}/resources/book`);
  await three.waitForLoadState('networkidle');
  const name = (page) => page.evaluate(() => sessionStorage.getItem('powercrud-tab'));
  await until(() => name(three), (value) => value !== null, 'a name');
  const first = await name(one);
  await until(() => name(three), (value) => value !== first, 'a copy has a name of its own');
  await until(() => three.locator('#selection-bar strong').count(), (number) => number === 0, 'and nothing ticked');
  // What is done in one tab is done to its own ticks.
  await two.locator('#bulk-edit').click();
  await two.locator('#dialog-title').getByText('Edit 1 book').waitFor();
  await one.locator('#bulk-edit').click();
  await one.locator('#dialog-title').getByText('Edit 2 books').waitFor();
  assert.deepEqual(one.problems, []);
  await one.context().close();
});
