// Actions as a person does them, in Chromium, on a bookshop served by the program.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bookshop, browser, close, countBooks, finished, open, selectAllMatching, selected, until } from './support.mjs';

let shop, chrome;

before(async () => {
  shop = await bookshop(800);
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

const action = (page, name) => page.locator('#selection-bar').getByRole('link', { name });

test('an action tells what it would do, and does it in the background', async () => {
  const page = await open(chrome);
  const matching = await countBooks(page, shop.address, 'status=in_print');
  await selectAllMatching(page, matching);
  await action(page, 'Take out of print…').click();
  const dialog = page.locator('#dialog');
  await until(() => dialog.textContent(), (text) => text.includes(`${matching} books will change`), 'the preview');
  assert.match(await dialog.textContent(), /These books are featured no longer/);
  await page.locator('#dialog-submit').click();
  await page.getByText(/in (the )?background/i).first().waitFor();
  const tiles = await finished(page);
  assert.equal(tiles.Changed, matching, JSON.stringify(tiles));
  assert.equal(await countBooks(page, shop.address, 'status=in_print'), 0);
  await close(page);
});

test('a form is filled in, says what is wrong at its field, and is done at once', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book?format=hardcover`);
  for (const row of [0, 1]) await page.locator('.row-check').nth(row).click();
  await selected(page, 2);
  await action(page, 'Restock…').click();
  const copies = page.locator('#dialog').getByLabel('Copies');
  await copies.fill('many');
  await page.locator('#dialog-submit').click();
  await page.getByText('is not allowed: a whole number').waitFor();
  // The browser tells of the answer 422.
  page.problems.length = 0;
  assert.equal(await copies.inputValue(), 'many');
  await copies.fill('5000');
  await page.locator('#dialog-submit').click();
  await page.getByText('2 books done.').first().waitFor();
  await close(page);
});

test('a record has its actions on its page, also on a phone', async () => {
  const page = await open(chrome, { viewport: { width: 390, height: 800 } });
  await page.goto(`${shop.address}/resources/book/records/7`);
  await page.getByRole('link', { name: 'Restock…' }).click();
  await page.locator('#dialog').getByLabel('Copies').fill('7000');
  await page.locator('#dialog-submit').click();
  await page.waitForURL((url) => /records\/7$/.test(url.href));
  await page.getByText('Done.').waitFor();
  assert.doesNotMatch(page.url(), /notice/);
  await page.getByText(/7,?0\d\d/).first().waitFor();
  await page.goto(`${shop.address}/resources/book`);
  await page.locator('.row-check').first().click();
  await selected(page, 1);
  const bar = await page.locator('#selection-bar').boundingBox();
  assert.ok(bar.x >= 0 && bar.x + bar.width <= 390, JSON.stringify(bar));
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  // There its actions are in a menu, which opens upwards.
  await page.locator('#bulk-actions summary').click();
  const menu = await page.locator('#bulk-actions ul').boundingBox();
  assert.ok(menu.x >= 0 && menu.x + menu.width <= 390 && menu.y >= 0 && menu.y + menu.height <= 800, JSON.stringify(menu));
  await page.locator('#bulk-actions').getByRole('link', { name: 'Restock…' }).click();
  await page.locator('#dialog').getByLabel('Copies').waitFor();
  await close(page);
});
