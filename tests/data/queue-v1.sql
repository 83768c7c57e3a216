-- The queue as release 1 of its schema made it.  Never change this: databases
-- like it are out there.
PRAGMA application_id = 1414288210;
PRAGMA user_version = 1;
CREATE TABLE day (
  day INTEGER NOT NULL,
  part INTEGER NOT NULL CHECK (part > 0),
  done INTEGER NOT NULL,
  PRIMARY KEY (day, part)) WITHOUT ROWID;
CREATE TABLE segment (
  day INTEGER NOT NULL,
  segment TEXT NOT NULL,
  PRIMARY KEY (day, segment)) WITHOUT ROWID;
CREATE TABLE report (
  id INTEGER PRIMARY KEY,
  day INTEGER NOT NULL,
  part INTEGER NOT NULL,
  made INTEGER NOT NULL,
  domain TEXT NOT NULL,
  report_id TEXT NOT NULL,
  filename TEXT NOT NULL,
  summary TEXT NOT NULL,
  sessions INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (domain, day, part),
  FOREIGN KEY (day, part) REFERENCES day
    DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE delivery (
  id INTEGER PRIMARY KEY,
  report INTEGER NOT NULL REFERENCES report ON DELETE CASCADE,
  transport TEXT NOT NULL
    CHECK (transport = 'mailto' OR transport = 'https'
      OR transport = 'lookup'),
  uri TEXT NOT NULL,
  host TEXT NOT NULL,
  state TEXT NOT NULL
    CHECK (state = 'pending' OR state = 'sent' OR state = 'failed'
      OR state = 'expired'),
  next_try INTEGER NOT NULL,
  first_try INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  ended INTEGER NOT NULL DEFAULT 0,
  note TEXT,
  UNIQUE (report, uri));
CREATE INDEX delivery_due ON delivery (next_try)
  WHERE state = 'pending';
CREATE INDEX delivery_ended ON delivery (ended)
  WHERE state <> 'pending';

INSERT INTO day VALUES (20777, 1, 1795220400), (20778, 1, 1795306800);
INSERT INTO segment VALUES (20777, 'mta1-1'), (20778, 'mta1-2');
INSERT INTO report (id, day, part, made, domain, report_id, filename, summary,
    sessions, failures, body) VALUES
  (1, 20777, 1, 1795220400, 'a.example', '1@sender.example', 'f1', '', 3, 0,
    x'1f8b'),
  (2, 20778, 1, 1795306800, 'a.example', '2@sender.example', 'f2', '', 3, 0,
    x'1f8b'),
  (3, 20778, 1, 1795306800, 'b.example', '3@sender.example', 'f3', '', 9, 1,
    x'1f8b');
INSERT INTO delivery (id, report, transport, uri, host, state, next_try,
    first_try, tries, ended, note) VALUES
  (1, 1, 'mailto', 'mailto:tls@rua.example', 'rua.example', 'sent',
    1795220400, 1795220401, 1, 1795220402, '250 ok'),
  (2, 2, 'mailto', 'mailto:tls@rua.example', 'rua.example', 'sent',
    1795306800, 1795306801, 1, 1795306802, '250 ok'),
  (3, 3, 'mailto', 'mailto:tls@rua.example', 'rua.example', 'sent',
    1795306800, 1795306801, 1, 1795306803, '250 ok'),
  (4, 3, 'mailto', 'mailto:gone@rua.example', 'rua.example', 'failed',
    1795306800, 1795306801, 1, 1795306804, '550 gone'),
  (5, 3, 'https', 'https://rua.example/in', 'rua.example', 'pending',
    1795306900, 1795306801, 1, 0, '503'),
  (6, 2, 'lookup', 'dns', 'dns', 'pending', 1795306900, 0, 0, 0, NULL);
