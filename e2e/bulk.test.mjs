// Bulk edits and deletes as a person does them, in Chromium, on a bookshop served by the program.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  bookshop, browser, close, countBooks, finished, firstNumber, open, selectAllMatching, selected, set, until,
} from './support.mjs';

const BOOKS = 3000;
let shop, chrome;

before(async () => {
  shop = await bookshop(BOOKS);
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await shop?.stop();
});

test('all matching books are changed in the background, but for one that was taken out on another page', async () => {
  const page = await open(chrome);
  const matching = await countBooks(page, shop.address, 'status=in_print');
  assert.ok(matching > 1000 && matching < BOOKS);
  await selectAllMatching(page, matching);
  await page.locator('#page-right').click();
  await page.waitForURL(/page=2/);
  await until(() => page.locator('.row-check:checked').count(), (count) => count === 25, 'the second page is ticked');
  await page.locator('.row-check').nth(3).click();
  await selected(page, matching - 1);

  await page.locator('#bulk-edit').click();
  await set(page, 'price', '99.5');
  await until(() => page.locator('#preview').textContent(), (text) => text.includes((matching - 1).toLocaleString('en')), 'the preview');
  await page.locator('#dialog-submit').click();
  await page.getByText(/in (the )?background/i).first().waitFor();
  const tiles = await finished(page);
  assert.equal(tiles.Changed, matching - 1, JSON.stringify(tiles));
  assert.equal(tiles.Failed ?? 0, 0);
  assert.match(await page.locator('#task').textContent(), /100 %/);
  assert.equal(await countBooks(page, shop.address, 'price=99.5'), matching - 1);
  assert.equal(await countBooks(page, shop.address, 'price=99.5&status=in_print'), matching - 1);
  await close(page);
});

test('what matches only since the dialog was opened is not changed, and the dialog comes again', async () => {
  const page = await open(chrome);
  const query = 'format=audiobook&id__lte=400';
  const shown = await countBooks(page, shop.address, query);
  await selectAllMatching(page, shown);
  await page.locator('#bulk-edit').click();
  await set(page, 'stock', '17');
  const button = page.locator('#dialog-submit');
  await until(() => button.textContent(), (text) => firstNumber(text) <= shown, 'the button counts');
  const other = await open(chrome);
  await other.goto(`${shop.address}/resources/book?format=ebook&id__lte=400`);
  await other.locator('tbody a').first().click();
  await other.getByRole('link', { name: 'Edit' }).click();
  await other.locator('[name=format]').selectOption('audiobook');
  await other.getByRole('button', { name: 'Save' }).click();
  await other.getByText('Saved.').waitFor();
  await close(other);
  await button.click();
  await page.locator('#dialog').getByText(`The selection has ${shown + 1} books now, not ${shown}`).waitFor();
  assert.match(await page.locator('#dialog-title').textContent(), new RegExp(`Edit ${shown + 1} books`));
  assert.equal(await page.locator('[name="set.stock"]').inputValue(), '17');
  await until(() => button.textContent(), (text) => firstNumber(text) === shown + 1, 'the button counts anew');
  await button.click();
  await finished(page);
  assert.equal(await countBooks(page, shop.address, `${query}&stock=17`), shown + 1);
  // Where all have the value, there is nothing to do.
  await countBooks(page, shop.address, query);
  await selectAllMatching(page, shown + 1);
  await page.locator('#bulk-edit').click();
  await set(page, 'stock', '17');
  await until(() => button.textContent(), (text) => text === 'Nothing to change', 'nothing to change');
  assert.ok(await button.isDisabled());
  await set(page, 'stock', '18');
  assert.ok(await button.isEnabled());
  await page.context().close();
});

test('twelve books are changed at once, and the list behind the dialog shows it', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book?ordering=id&status=archived`);
  const before = firstNumber(await page.locator('#summary').textContent());
  await page.locator('.row-check').nth(0).click();
  await selected(page, 1);
  await page.locator('.row-check').nth(11).click({ modifiers: ['Shift'] });
  await selected(page, 12);
  await page.locator('#bulk-edit').click();
  await set(page, 'status', 'announced');
  await page.locator('#dialog-submit').click();
  await page.locator('#toasts').getByText(/12 books/).first().waitFor();
  assert.equal(await page.locator('#dialog[open]').count(), 0);
  await until(() => page.locator('#summary').textContent(), (text) => firstNumber(text) === before - 12, 'the list is fresh');
  await close(page);
});

test('records that break a rule are named, and their neighbours are changed', async () => {
  const page = await open(chrome);
  const cheap = await countBooks(page, shop.address, 'format=ebook&price__lte=10');
  const all = await countBooks(page, shop.address, 'format=ebook');
  assert.ok(cheap > 20 && all > cheap);
  await selectAllMatching(page, all);
  await page.locator('#bulk-edit').click();
  await set(page, 'sale_price', '10');
  await page.locator('#dialog-submit').click();
  const tiles = await finished(page);
  assert.equal(tiles.Failed, cheap, JSON.stringify(tiles));
  assert.equal(tiles.Changed, all - cheap, JSON.stringify(tiles));
  await until(() => page.locator('#records').textContent(), (text) => /sale_price_is_below_price|sale price/i.test(text), 'the reasons');
  assert.equal(await countBooks(page, shop.address, 'format=ebook&sale_price=10'), all - cheap);
  await close(page);
});

test('tags are added to twelve books and taken from them again, beside a plain field', async () => {
  const page = await open(chrome);
  const tags = (book) => page.goto(`${shop.address}/resources/book/records/${book}`)
    .then(() => page.locator('main').getByText('Tags', { exact: true }).locator('xpath=following-sibling::*[1]').textContent());
  await page.goto(`${shop.address}/resources/book?ordering=id&id__lte=12`);
  await page.locator('[data-page-check]').first().click();
  await selected(page, 12);
  await page.locator('#bulk-edit').click();
  const row = page.locator('#dialog').getByRole('group', { name: 'Tags' });
  await row.getByRole('checkbox', { name: 'Change Tags' }).check();
  // Two are searched and chosen by name.
  const chosen = [];
  for (const place of [0, 1]) {
    await row.getByRole('combobox').last().click();
    const option = row.locator('li[role=option]').nth(place);
    chosen.push(await option.getAttribute('data-text'));
    await option.click();
    await until(() => row.locator('[data-chosen] input').count(), (count) => count === place + 1, 'the chosen tag is shown');
  }
  await set(page, 'stock', '4321');
  await page.locator('#dialog-submit').click();
  await page.locator('#toasts').getByText(/12 books/).first().waitFor();
  for (const book of [1, 12]) {
    const now = await tags(book);
    for (const tag of chosen) assert.ok(now.includes(tag), `${tag} is not among ${now}`);
  }
  assert.equal(await countBooks(page, shop.address, 'stock=4321'), 12);

  await page.locator('[data-page-check]').first().click();
  await selected(page, 12);
  await page.locator('#bulk-edit').click();
  await row.getByRole('checkbox', { name: 'Change Tags' }).check();
  await row.getByRole('combobox').first().selectOption({ label: 'Remove all' });
  await page.locator('#dialog-submit').click();
  await page.locator('#toasts').getByText(/12 books/).first().waitFor();
  for (const book of [1, 12]) assert.equal((await tags(book)).trim(), '–');
  await close(page);
});

test('a wrong value leaves the dialog open with the reason at its field', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book`);
  await page.locator('.row-check').nth(0).click();
  await selected(page, 1);
  await page.locator('#bulk-edit').click();
  await set(page, 'stock', '-1.5');
  await page.locator('#dialog-submit').click();
  await page.locator('#dialog').getByText(/whole number/).first().waitFor();
  assert.equal(await page.locator('[name="set.stock"]').inputValue(), '-1.5');
  // The refusal itself is what is asked for here.
  page.problems = page.problems.filter((problem) => !/status of 4\d\d/.test(problem));
  await close(page);
});

test('books on orders are named before and after a bulk delete, and the others go', async () => {
  const page = await open(chrome);
  const total = await countBooks(page, shop.address, '');
  const matching = await countBooks(page, shop.address, 'id__lte=200');
  assert.equal(matching, 200);
  await selectAllMatching(page, matching);
  await page.locator('#bulk-delete').click();
  await page.locator('#dialog').getByText(/can't be deleted/).waitFor();
  const blocked = firstNumber((await page.locator('#dialog').textContent()).match(/[\d,]+ books? can't be deleted/)[0]);
  assert.ok(blocked > 0 && blocked <= 20);
  await page.locator('[name=confirm]').check();
  await page.locator('#dialog-submit').click();
  const tiles = await finished(page);
  assert.equal(tiles.Failed, blocked, JSON.stringify(tiles));
  assert.equal(tiles.Deleted, matching - blocked, JSON.stringify(tiles));
  await until(() => page.locator('#records').textContent(), (text) => /order lines? refer/i.test(text), 'the reasons');
  assert.equal(await countBooks(page, shop.address, 'id__lte=200'), blocked);
  assert.equal(await countBooks(page, shop.address, ''), total - matching + blocked);
  await close(page);
});

test('a telephone shows everything without scrolling sideways', async () => {
  const page = await open(chrome, { viewport: { width: 390, height: 844 }, hasTouch: true });
  const fits = async (what) => {
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(content <= window, `${what}: ${content} > ${window}`);
  };
  await page.goto(`${shop.address}/`);
  await fits('home');
  await page.goto(`${shop.address}/resources/book`);
  await fits('list');
  await page.locator('.row-check').nth(1).click();
  await selected(page, 1);
  await page.locator('#selection-bar button[value=all]').click();
  await page.locator('#selection-bar').getByText('on other pages').waitFor();
  // The bar is fixed, so that what sticks out of it is cut off instead of making the page wider.
  const cut = await page.locator('#selection-bar *').evaluateAll((parts) =>
    parts.filter((part) => part.getBoundingClientRect().right > innerWidth).map((part) => part.textContent),
  );
  assert.deepEqual(cut, [], 'all of the bar is seen');
  await page.locator('#bulk-edit').click();
  await page.locator('#dialog-submit').waitFor();
  await fits('dialog');
  await page.goto(`${shop.address}/tasks`);
  await fits('tasks');
  await page.locator('main a[href*="/tasks/"]').first().click();
  await page.locator('#task').waitFor();
  await fits('task');
  await close(page);
});

test('the keyboard selects and edits', async () => {
  const page = await open(chrome);
  await page.goto(`${shop.address}/resources/book?status=out_of_print&ordering=id`);
  await page.locator('.row-check').nth(2).focus();
  await page.keyboard.press('Space');
  await selected(page, 1);
  await page.locator('#bulk-edit').focus();
  await page.keyboard.press('Enter');
  await page.locator('input[name=change][value="stock"]').focus();
  await page.keyboard.press('Space');
  await page.locator('[name="set.stock"]').fill('77');
  await page.keyboard.press('Enter');
  await page.locator('#toasts').getByText(/1 book/).first().waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await countBooks(page, shop.address, 'stock=77'), 1);
  await close(page);
});

test('a dialog stays while what it submitted is under way, and tells of its task', async () => {
  const page = await open(chrome);
  const matching = await countBooks(page, shop.address, 'status=in_print');
  await selectAllMatching(page, matching);
  await page.locator('#bulk-edit').click();
  await set(page, 'price', '55.5');
  const submit = (url) => url.pathname.endsWith('/bulk-edit');
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(submit, async (route) => {
    if (route.request().method() === 'POST') await held;
    await route.continue();
  });
  const asked = page.waitForRequest((request) => request.method() === 'POST' && submit(new URL(request.url())));
  await page.locator('#dialog-submit').click();
  await asked;
  for (let times = 0; times < 3; times++) await page.keyboard.press('Escape');
  assert.ok(await page.getByRole('button', { name: 'Cancel' }).isDisabled());
  await page.mouse.click(5, 5);
  assert.ok(await page.locator('#dialog[open] #bulk-form, #dialog[open] [data-bulk-form]').count(), 'the dialog is there');
  release();
  await page.getByText(/in (the )?background/i).first().waitFor();
  const tiles = await finished(page);
  assert.equal(tiles.Changed, matching, JSON.stringify(tiles));
  await close(page);
});
