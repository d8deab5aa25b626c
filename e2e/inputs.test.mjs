// What is typed and pasted into inputs, and requests that nobody waits for any more.

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

test('no input cuts what is pasted into it', async () => {
  const page = await open(chrome);
  for (const path of ['resources/book/new', 'resources/customer/new', 'tokens/new', 'staff/purge']) {
    await page.goto(`${shop.address}/${path}`);
    assert.equal(await page.locator('[maxlength]').count(), 0, path);
  }
  await page.goto(`${shop.address}/resources/book/records/7/edit`);
  const long = 'x'.repeat(600);
  await page.locator('[name=isbn]').focus();
  await page.keyboard.insertText(long);
  assert.ok((await page.locator('[name=isbn]').inputValue()).includes(long));
  await close(page);
});

test('a bulk edit that is submitted while its preview is on the way ends without an error on the page', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book`);
  await page.locator('.row-check').first().click();
  await selected(page, 1);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  let asked = 0;
  await page.route(/preview/, async (route) => {
    asked += 1;
    await held;
    await route.fulfill({ status: 422, headers: { 'HX-Retarget': '#toasts', 'HX-Reswap': 'beforeend' }, contentType: 'text/html', body: '<p>Late</p>' });
  });
  await page.locator('#bulk-edit').click();
  await page.locator('input[name=change][value=stock]').check();
  await page.locator('[name="set.stock"]').fill('43');
  await until(() => asked, (number) => number > 0, 'a preview is asked for');
  await page.locator('#dialog-submit').click();
  await page.locator('#toasts').getByText(/1 book/).waitFor();
  const late = page.waitForResponse(/preview/);
  release();
  await (await late).finished();
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 0)));
  assert.equal(await page.getByText('Late').count(), 0);
  page.problems = page.problems.filter((problem) => !/status of 422/.test(problem));
  await close(page);
});
