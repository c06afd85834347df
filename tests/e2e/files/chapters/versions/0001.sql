CREATE TABLE people (id serial PRIMARY KEY, name text NOT NULL, nick text);
INSERT INTO people (name) SELECT 'somebody ' || n FROM generate_series(1, 1000) AS n;
