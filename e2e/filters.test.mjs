// Conditions of a list as a person makes them, in Chromium, on a bookshop served by the program.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bookshop, browser, close, open, selected, until } from './support.mjs';

let shop, chrome;

before(async () => {
  shop = await bookshop(300);
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

/** A list with the form for a filter open, on another field than the one that it begins with. */
async function choosing(field, query = '') {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book${query}`);
  await page.locator('#add-filter summary').click();
  assert.notEqual(await page.locator('#filter-field').inputValue(), field);
  // The form of the first field may have the same conditions.
  await page.evaluate(() => (window.firstOperator = document.getElementById('filter-operator')));
  await page.locator('#filter-field').selectOption(field);
  const isAnother = () => page.evaluate(() => !window.firstOperator.isConnected && Boolean(document.getElementById('filter-operator')));
  await until(isAnother, Boolean, 'the conditions of the field');
  return page;
}

test('Enter applies a filter whose field was chosen', async () => {
  const page = await choosing('stock', '?status=in_print');
  await page.locator('#filter-value').fill('5');
  await page.locator('#filter-value').press('Enter');
  await page.waitForURL(/stock=5/);
  assert.match(page.url(), /\/resources\/book\?/);
  assert.match(page.url(), /status=in_print/);
  await close(page);
});

test('Enter on a value that does not fit leaves the list as it was, with the mistake at the field', async () => {
  const page = await choosing('stock', '?status=in_print');
  const rows = await page.locator('tbody tr').count();
  await page.locator('#filter-operator').selectOption('gte');
  await page.locator('#filter-value').fill('$50');
  await page.locator('#filter-value').press('Enter');
  await page.waitForURL(/stock__gte=/);
  assert.equal(await page.locator('#filter-value').inputValue(), '$50');
  assert.match(await page.locator('#filter-value-error').textContent(), /whole number/);
  assert.equal(await page.locator('tbody tr').count(), rows);
  // The browser's own word for the answer's status.
  page.problems = page.problems.filter((problem) => !/status of 422/.test(problem));
  await close(page);
});

test('what is typed while the form of another field is on its way is kept', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book`);
  await page.locator('#add-filter summary').click();
  let answer;
  const asked = new Promise((resolve) => (answer = resolve));
  let go;
  const held = new Promise((resolve) => (go = resolve));
  await page.route(/filter\/form/, async (route) => {
    answer();
    await held;
    await route.continue();
  });
  await page.locator('#filter-field').selectOption('stock');
  await asked;
  await page.locator('#filter-value').fill('17');
  go();
  await until(() => page.locator('#filter-operator option[value=gte]').count(), (count) => count === 1, 'the conditions of the field');
  assert.equal(await page.locator('#filter-value').inputValue(), '17');
  await close(page);
});

test('nothing that is there for browsers without script can be pressed', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book`);
  await page.locator('.row-check').first().click();
  await selected(page, 1);
  assert.equal(await page.locator('noscript').count(), 0);
  // Enter on a box would press the form's first button.
  await page.locator('.row-check').first().press('Enter');
  await page.locator('.row-check').nth(1).click();
  await selected(page, 2);
  assert.match(page.url(), /\/resources\/book$/);
  await close(page);
});
