CREATE TABLE publisher (
    id INTEGER PRIMARY KEY,
    name VARCHAR(80) NOT NULL UNIQUE,
    city VARCHAR(60) NOT NULL,
    founded_year INTEGER CHECK (founded_year BETWEEN 1450 AND 2100),
    website VARCHAR(120)
);

CREATE TABLE author (
    id INTEGER PRIMARY KEY,
    name VARCHAR(80) NOT NULL,
    country VARCHAR(40) NOT NULL,
    born_on DATE,
    biography TEXT
);

CREATE TABLE book (
    id INTEGER PRIMARY KEY,
    title VARCHAR(200) NOT NULL,
    isbn CHAR(13) NOT NULL UNIQUE,
    author_id INTEGER NOT NULL REFERENCES author (id),
    publisher_id INTEGER REFERENCES publisher (id) ON DELETE SET NULL,
    status VARCHAR(20) NOT NULL DEFAULT 'in_print'
        CHECK (status IN ('announced', 'in_print', 'out_of_print', 'archived')),
    format VARCHAR(20) NOT NULL CHECK (format IN ('hardcover', 'paperback', 'ebook', 'audiobook')),
    published_on DATE,
    pages INTEGER CHECK (pages > 0),
    price DECIMAL(8, 2) NOT NULL CHECK (price >= 0),
    sale_price DECIMAL(8, 2),
    stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0),
    is_featured BOOLEAN NOT NULL DEFAULT 0,
    blurb TEXT,
    details JSON,
    updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT sale_price_is_below_price CHECK (sale_price IS NULL OR sale_price < price)
);

CREATE TABLE tag (
    id INTEGER PRIMARY KEY,
    name VARCHAR(40) NOT NULL UNIQUE
);

CREATE TABLE book_tag (
    book_id INTEGER NOT NULL REFERENCES book (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tag (id) ON DELETE CASCADE,
    PRIMARY KEY (book_id, tag_id)
) WITHOUT ROWID;

CREATE TABLE customer (
    id INTEGER PRIMARY KEY,
    name VARCHAR(80) NOT NULL,
    email VARCHAR(120) NOT NULL UNIQUE,
    city VARCHAR(60) NOT NULL,
    phone VARCHAR(30),
    newsletter BOOLEAN NOT NULL DEFAULT 0,
    joined_on DATE NOT NULL
);

CREATE TABLE "order" (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    ordered_at DATETIME NOT NULL,
    status VARCHAR(20) NOT NULL DEFAULT 'new'
        CHECK (status IN ('new', 'paid', 'shipped', 'delivered', 'cancelled')),
    note TEXT
);

CREATE TABLE order_line (
    order_id INTEGER NOT NULL REFERENCES "order" (id) ON DELETE CASCADE,
    line_number INTEGER NOT NULL,
    book_id INTEGER NOT NULL REFERENCES book (id),
    quantity INTEGER NOT NULL DEFAULT 1 CHECK (quantity BETWEEN 1 AND 999),
    unit_price DECIMAL(8, 2) NOT NULL,
    PRIMARY KEY (order_id, line_number)
);

CREATE VIEW bestseller AS
SELECT book.id AS book_id, book.title, SUM(order_line.quantity) AS copies_sold
FROM order_line
JOIN book ON book.id = order_line.book_id
GROUP BY book.id
HAVING SUM(order_line.quantity) >= 3;
