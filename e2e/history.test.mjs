// Back and forward show what is so now, and leave a page that works.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bookshop, browser, close, open, selected, until } from './support.mjs';

let shop, chrome;

before(async () => {
  shop = await bookshop(500);
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

const ticked = (page, number) => until(() => page.locator('.row-check:checked').count(), (count) => count === number, `${number} ticked`);

test('after Back a list shows what is ticked, and its dialog opens', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book`);
  for (const row of [0, 1, 2]) await page.locator('.row-check').nth(row).click();
  await selected(page, 3);
  await page.locator('#page-right').click();
  await page.waitForURL(/page=2/);
  await selected(page, 3);
  await page.goBack();
  await selected(page, 3);
  await ticked(page, 3);
  await page.locator('.row-check').nth(5).click();
  await selected(page, 4);
  await page.locator('#bulk-edit').click();
  await until(() => page.locator('#dialog-title').textContent(), (text) => text === 'Edit 4 books', 'the dialog');
  assert.ok(await page.locator('#dialog').evaluate((dialog) => dialog.open));
  await page.keyboard.press('Escape');
  await page.goForward();
  await page.waitForURL(/page=2/);
  await selected(page, 4);
  // From another page, too.
  await page.locator('tbody a').first().click();
  await page.waitForURL(/records/);
  await page.goBack();
  await selected(page, 4);
  await page.goBack();
  await selected(page, 4);
  await ticked(page, 4);
  await close(page);
});

test('a page that the browser had put aside looks at its selection anew', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book`);
  await page.locator('.row-check').first().click();
  await selected(page, 1);
  const asked = page.waitForRequest((request) => new URL(request.url()).pathname === '/resources/book' && request.headers()['hx-request'] === 'true');
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  await asked;
  await selected(page, 1);
  await close(page);
});
