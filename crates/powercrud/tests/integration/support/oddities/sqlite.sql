CREATE TABLE "order" (
  "key" INTEGER PRIMARY KEY AUTOINCREMENT,
  "select" TEXT NOT NULL DEFAULT 'it''s',
  "Naïve ""Col""" TEXT,
  "it's" INTEGER,
  "why? $1" TEXT,
  "semi;colon" TEXT COLLATE NOCASE
);
INSERT INTO "order" VALUES (1, 'a', 'b', 3, 'd', 'e'), (2, 'x', NULL, NULL, NULL, NULL);

CREATE TABLE "Odd ""Table"" `here`" ("A Key" TEXT NOT NULL, "a-b" DATE, PRIMARY KEY ("A Key"));
INSERT INTO "Odd ""Table"" `here`" VALUES ('1''2"3', '2026-01-31');

CREATE TABLE composite (c INTEGER NOT NULL, b TEXT NOT NULL, a INTEGER NOT NULL, note TEXT, PRIMARY KEY (b, a), UNIQUE (c, a));
INSERT INTO composite VALUES (1, 'x"y', 2, NULL), (2, 'x', 2, 'n');
CREATE TABLE composite_child (
  id INTEGER PRIMARY KEY, child_a INTEGER, child_b TEXT,
  -- The target's columns are left out, and its name is written in another case.
  FOREIGN KEY (child_b, child_a) REFERENCES COMPOSITE ON DELETE CASCADE
);
INSERT INTO composite_child VALUES (1, 2, 'x'), (2, NULL, NULL);

CREATE TABLE employee (
  id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, boss_id INT REFERENCES Employee (ID) ON DELETE SET NULL
);
INSERT INTO employee VALUES (1, 'Ada', NULL), (2, 'Bob', 1);

CREATE TABLE choice (
  id INTEGER PRIMARY KEY,
  status TEXT NOT NULL CHECK (status IN ('new', 'it''s used', 'gone')),
  rating INTEGER CHECK (rating IS NULL OR rating IN (1, 2, 3)),
  size TEXT, -- CHECK (size IN ('a comment'))
  open TEXT CHECK (length(open) < 10),
  CONSTRAINT "size's" CHECK (("size" = 'S' OR "size" = "L") AND length("size") = 1)
);
INSERT INTO choice VALUES (1, 'new', 1, 'S', 'x'), (2, 'it''s used', NULL, 'L', NULL);

CREATE TABLE no_key (a INTEGER, b TEXT);
INSERT INTO no_key VALUES (1, 'x'), (1, 'x'), (NULL, NULL);
CREATE TABLE unique_instead (maybe TEXT UNIQUE, code TEXT NOT NULL UNIQUE, a INTEGER NOT NULL, b INTEGER NOT NULL, UNIQUE (a, b));
INSERT INTO unique_instead VALUES (NULL, 'one', 1, 1);
CREATE TABLE half_unique (a INTEGER NOT NULL, b TEXT NOT NULL);
CREATE UNIQUE INDEX half_unique_part ON half_unique (a) WHERE a > 0;
CREATE UNIQUE INDEX half_unique_expression ON half_unique (lower(b));
INSERT INTO half_unique VALUES (1, 'x'), (0, 'y'), (0, 'z');

CREATE TABLE computed (
  id INTEGER PRIMARY KEY, price DECIMAL(10, 2) NOT NULL DEFAULT 9.99, amount INTEGER NOT NULL DEFAULT (1 + 1),
  total DECIMAL(10, 2) GENERATED ALWAYS AS (price * amount) STORED, label TEXT AS ('no. ' || id)
);
INSERT INTO computed (id, amount) VALUES (1, 3);

CREATE TABLE kind (
  id INTEGER PRIMARY KEY, a_boolean BOOLEAN, an_integer INTEGER, a_decimal DECIMAL(10, 2), a_float DOUBLE PRECISION,
  a_text VARCHAR(20), a_date DATE, a_time TIME, a_datetime DATETIME, an_instant TIMESTAMPTZ, a_uuid UUID, a_json JSON,
  some_bytes BLOB, anything
);
INSERT INTO kind VALUES
  (1, 1, -9223372036854775808, 12.5, 0.1, 'Grüße', '2026-01-31', '13:05:00', '2026-01-31 13:05:00', '2026-01-31 13:05:00+02:00',
   '018f3f9e-7b1a-7c00-8000-000000000000', '{"a": [1]}', x'00ff', 7),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  -- Nothing here is what its column says.
  (3, 'yes', 'many', 'cheap', 'wide', x'ff00', 'tomorrow', 'noon', 20260131, 'now', 'no uuid', '{', 'text', x'61');

CREATE TABLE strict_table (code TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
INSERT INTO strict_table VALUES ('a', 1), ('b', 'two');
CREATE TABLE descending (id INTEGER PRIMARY KEY DESC, name TEXT);
INSERT INTO descending VALUES (1, 'x');
-- As SeaORM makes and fills it.
CREATE TABLE uuid_key (id uuid_text NOT NULL PRIMARY KEY, other uuid_text, at timestamp_with_timezone_text);
INSERT INTO uuid_key VALUES (x'018f3f9e7b1a7c008000000000000000', x'018f3f9e7b1a7c008000000000000001', '2026-01-31T11:05:00.5+00:00');
CREATE TABLE moment_key (at DATETIME PRIMARY KEY NOT NULL, n INT);
INSERT INTO moment_key VALUES ('2026-01-31T13:05', 1);
CREATE TABLE nothing_there (id INTEGER PRIMARY KEY);

CREATE VIEW "a view" AS SELECT e.id, e.name || '!' AS "Shouted", b.name AS boss FROM employee AS e LEFT JOIN employee AS b ON b.id = e.boss_id;
CREATE VIEW broken AS SELECT * FROM no_such_table;
CREATE VIRTUAL TABLE search USING fts5 (body);
INSERT INTO search VALUES ('words');
