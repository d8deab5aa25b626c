// What a person is told about the end of a bulk task, on whatever page they are by then.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bookshop, browser, close, open, until } from './support.mjs';

const BOOKS = 4000;
let shop, chrome;

before(async () => {
  shop = await bookshop(BOOKS);
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

const unseen = async (page) => Number((await page.locator('#bell').getAttribute('aria-label')).match(/(\d+) unseen/)?.[1] ?? 0);
const told = (page) => page.locator('#toasts [data-toast]').filter({ hasText: '4,000 books changed.' });

async function changeAllBooks(page, price) {
  await page.goto(`${shop.address}/resources/book`);
  await page.locator('[data-page-check]').first().click();
  await page.locator('#selection-bar').getByText(/Select all/).click();
  await until(() => page.locator('#selection-bar').textContent(), (text) => text.includes('4,000'), 'all selected');
  await page.locator('#bulk-edit').click();
  await page.locator('input[name=change][value="price"]').check();
  await page.locator('[name="set.price"]').fill(String(price));
  await page.locator('#dialog-submit').click();
  await page.getByText(/Processing 4,000 books/).first().waitFor();
}

test('a toast comes up on the page where the user stays, and on another to which they went', async () => {
  const page = await open(chrome);
  await changeAllBooks(page, 901);
  await page.locator('#dialog').getByRole('button', { name: 'Close' }).last().click();
  await told(page).waitFor();
  assert.equal(await unseen(page), 1);
  await told(page).getByRole('button', { name: 'Dismiss' }).click();
  await told(page).waitFor({ state: 'detached' });
  await until(() => unseen(page), (number) => number === 0, 'what was put away is seen');
  assert.match(page.url(), /resources\/book/);

  await changeAllBooks(page, 902);
  await page.goto(`${shop.address}/resources/author`);
  await told(page).waitFor();
  await told(page).getByRole('link', { name: 'View' }).click();
  await page.waitForURL(/\/tasks\//);
  assert.match(await page.locator('h1').textContent(), /902/);
  assert.equal(await unseen(page), 0, 'who looks at the task has seen it');
  await close(page);
});

test('what nobody put away waits under the bell', async () => {
  const page = await open(chrome, { viewport: { width: 390, height: 800 } });
  await changeAllBooks(page, 903);
  await page.goto(`${shop.address}/resources/author`);
  await told(page).waitFor();
  await until(
    async () => {
      await page.goto(`${shop.address}/resources/book`);
      return told(page).count();
    },
    (count) => count === 0,
    'once it could be read, it does not come up again',
  );
  assert.equal(await unseen(page), 1);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `nothing sticks out: ${width}`);
  const bar = await page.evaluate(() => [...document.querySelectorAll('header :is(a, summary, button)')]
    .map((item) => item.getBoundingClientRect())
    .filter((item) => item.width > 0 && item.top < 48)
    .map(({ left, right }) => [left, right])
    .sort(([one], [other]) => one - other));
  bar.forEach(([left], index) => assert.ok(index === 0 || left >= bar[index - 1][1] - 1, `on each other: ${JSON.stringify(bar)}`));
  await page.goto(`${shop.address}/tasks`);
  const table = await page.locator('#tasks [role=region]').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
  assert.ok(table <= 0, `the task list is cut: ${table}`);
  await page.locator('#bell').click();
  await page.waitForURL(/\/messages/);
  await page.getByText('4,000 books changed.').first().waitFor();
  await page.getByRole('button', { name: 'Mark all seen' }).click();
  await until(() => unseen(page), (number) => number === 0, 'all are seen');
  assert.equal(await page.getByRole('button', { name: 'Mark all seen' }).count(), 0);
  await close(page);
});

test('without scripts the toast is part of the next page, and its button works', async () => {
  const page = await open(chrome, { javaScriptEnabled: false });
  const other = await open(chrome);
  await changeAllBooks(other, 904);
  await close(other);
  await until(
    async () => {
      await page.goto(`${shop.address}/resources/author`);
      return told(page).count();
    },
    (count) => count === 1,
    'the toast',
  );
  assert.equal(await unseen(page), 1);
  await told(page).getByRole('button', { name: 'Dismiss' }).click();
  await page.waitForURL(/\/messages/);
  assert.equal(await unseen(page), 0);
  await close(page);
});
