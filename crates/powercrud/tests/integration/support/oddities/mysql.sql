CREATE TABLE `order` (
  `key` int AUTO_INCREMENT PRIMARY KEY,
  `select` varchar(100) NOT NULL DEFAULT 'it''s',
  `Naïve "Col"` text,
  `it's` int,
  `why? $1` text COMMENT 'Asks',
  `semi;colon` text
) COMMENT 'It''s an "order"';
INSERT INTO `order` VALUES (1, 'a', 'b', 3, 'd', 'e'), (2, 'x', NULL, NULL, NULL, NULL);

CREATE TABLE `Odd "Table" ``here``` (`A Key` varchar(20) NOT NULL, `a-b` date, PRIMARY KEY (`A Key`));
INSERT INTO `Odd "Table" ``here``` VALUES ('1''2"3', '2026-01-31');

CREATE TABLE composite (c int NOT NULL, b varchar(20) NOT NULL, a int NOT NULL, note text, PRIMARY KEY (b, a), UNIQUE (c, a));
INSERT INTO composite VALUES (1, 'x"y', 2, NULL), (2, 'x', 2, 'n');
CREATE TABLE composite_child (
  id int AUTO_INCREMENT PRIMARY KEY, child_a int, child_b varchar(20),
  CONSTRAINT `to composite` FOREIGN KEY (child_b, child_a) REFERENCES composite (b, a) ON DELETE CASCADE
);
INSERT INTO composite_child VALUES (1, 2, 'x'), (2, NULL, NULL);

CREATE TABLE employee (
  id int PRIMARY KEY, name varchar(40) NOT NULL, boss_id int, FOREIGN KEY (boss_id) REFERENCES employee (id) ON DELETE SET NULL
);
INSERT INTO employee VALUES (1, 'Ada', NULL), (2, 'Bob', 1);

CREATE TABLE choice (
  id int PRIMARY KEY,
  status varchar(20) NOT NULL CHECK (status IN ('new', 'it''s used', 'gone')),
  rating smallint CHECK (rating IS NULL OR rating IN (1, 2, 3)),
  size varchar(10) NOT NULL,
  open text CHECK (length(open) < 10),
  mood enum('sad', 'it''s ok', 'a,b', 'happy') NOT NULL DEFAULT 'sad',
  flags set('red', 'green'),
  CONSTRAINT `size's` CHECK ((size = 'S' OR size = 'L') AND length(size) = 1)
);
INSERT INTO choice VALUES (1, 'new', 1, 'S', 'x', 'it''s ok', 'red,green'), (2, 'it''s used', NULL, 'L', NULL, 'a,b', NULL);

CREATE TABLE no_key (a int, b text);
INSERT INTO no_key VALUES (1, 'x'), (1, 'x'), (NULL, NULL);
CREATE TABLE unique_instead (
  maybe varchar(20) UNIQUE, code varchar(20) NOT NULL UNIQUE, a int NOT NULL, b int NOT NULL, UNIQUE (a, b)
);
INSERT INTO unique_instead VALUES (NULL, 'one', 1, 1);
CREATE TABLE half_unique (a int NOT NULL, b text NOT NULL, UNIQUE half_unique_prefix (b (3)));
INSERT INTO half_unique VALUES (1, 'x'), (0, 'y'), (0, 'z');

CREATE TABLE computed (
  id int AUTO_INCREMENT PRIMARY KEY, price decimal(10, 2) NOT NULL DEFAULT 9.99, amount int NOT NULL DEFAULT (1 + 1),
  total decimal(10, 2) AS (price * amount) STORED, label varchar(40) AS (concat('no. ', price)) VIRTUAL
);
INSERT INTO computed (id, amount) VALUES (1, 3);

CREATE TABLE kind (
  id int PRIMARY KEY, a_boolean boolean, an_integer bigint, a_decimal decimal(10, 2), a_float double, a_text varchar(20), a_date date,
  a_time time, a_datetime datetime, an_instant timestamp NULL, a_json json, some_bytes blob, a_year year, one_bit bit(1),
  some_bits bit(10), a_set set('a', 'b'), a_point point, a_geometry geometry, a_tiny tinyint, an_unsigned bigint unsigned,
  a_filled int zerofill, a_long longtext, a_char char(3), some_fixed_bytes binary(4), a_real float, a_precise datetime(6)
);
INSERT INTO kind VALUES
  (1, true, -9223372036854775808, 12.5, 0.1, 'Grüße', '2026-01-31', '13:05:00', '2026-01-31 13:05:00', '2026-01-31 13:05:00',
   '{"a": [1]}', x'00ff', 2026, b'1', b'1000000001', 'a,b', ST_GeomFromText('POINT(1 2)'), ST_GeomFromText('LINESTRING(0 0,1 1)'), -128,
   18446744073709551615, 42, 'long', 'ab', 'ab', 0.5, '2026-01-31 13:05:00.123456'),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL),
  -- Outside what the others' types hold.
  (3, 5, NULL, NULL, NULL, NULL, '0000-00-00', '-838:59:59', '0000-00-00 00:00:00', NULL, NULL, '', 0, b'0', b'0', '', NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE nothing_there (id int PRIMARY KEY);

CREATE VIEW `a view` AS SELECT e.id, concat(e.name, '!') AS `Shouted`, b.name AS boss FROM employee AS e LEFT JOIN employee AS b ON b.id = e.boss_id;
CREATE TABLE soon_gone (id int PRIMARY KEY);
CREATE VIEW broken AS SELECT * FROM soon_gone;
DROP TABLE soon_gone;
