BEGIN TRANSACTION;
CREATE TABLE annotations (
	result VARCHAR(320) NOT NULL,
	place INTEGER NOT NULL,
	title VARCHAR(100) NOT NULL,
	notes TEXT NOT NULL,
	PRIMARY KEY (result, place),
	FOREIGN KEY(result) REFERENCES results (name) ON DELETE CASCADE
);
CREATE TABLE events (
	job VARCHAR(64) NOT NULL,
	sequence INTEGER NOT NULL,
	time DATETIME NOT NULL,
	state INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	progress BLOB NOT NULL,
	needs VARCHAR(64),
	transient BOOLEAN NOT NULL,
	PRIMARY KEY (job, sequence),
	FOREIGN KEY(job) REFERENCES jobs (id)
);
CREATE TABLE job_owners (
	job VARCHAR(64) NOT NULL,
	client VARCHAR(256) NOT NULL,
	PRIMARY KEY (job),
	FOREIGN KEY(job) REFERENCES jobs (id)
);
CREATE TABLE jobs (
	number INTEGER NOT NULL,
	id VARCHAR(64) NOT NULL,
	kind VARCHAR(32) NOT NULL,
	state INTEGER NOT NULL,
	request_id VARCHAR(64),
	request_digest VARCHAR(64) NOT NULL,
	work BLOB NOT NULL,
	result VARCHAR(320) NOT NULL,
	uses VARCHAR(320),
	payload VARCHAR(64),
	batch VARCHAR(512) NOT NULL,
	rows INTEGER NOT NULL,
	progress BLOB NOT NULL,
	error BLOB,
	created DATETIME NOT NULL,
	started DATETIME,
	ended DATETIME,
	attempts INTEGER NOT NULL,
	crashes INTEGER NOT NULL,
	last_sequence INTEGER NOT NULL,
	needs VARCHAR(64),
	provided BOOLEAN DEFAULT 0 NOT NULL, owner VARCHAR(64) DEFAULT '' NOT NULL,
	PRIMARY KEY (number),
	UNIQUE (id),
	UNIQUE (request_id)
);
CREATE TABLE key_usage (
	"key" VARCHAR(64) NOT NULL,
	day VARCHAR(10) NOT NULL,
	seconds FLOAT NOT NULL,
	PRIMARY KEY ("key", day)
);
CREATE TABLE keys (
	name VARCHAR(64) NOT NULL,
	role VARCHAR(16) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	quotas TEXT DEFAULT '' NOT NULL,
	created DATETIME NOT NULL,
	expires DATETIME,
	revoked DATETIME,
	PRIMARY KEY (name),
	UNIQUE (digest)
);
CREATE TABLE meta (
	"key" VARCHAR(64) NOT NULL,
	value VARCHAR(256) NOT NULL,
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','9');
CREATE TABLE results (
	number INTEGER NOT NULL,
	name VARCHAR(320) NOT NULL,
	kind VARCHAR(32) NOT NULL,
	generator VARCHAR(128) NOT NULL,
	job VARCHAR(64) NOT NULL,
	created DATETIME NOT NULL,
	header BLOB NOT NULL,
	content VARCHAR(64) NOT NULL, owner VARCHAR(64) DEFAULT '' NOT NULL,
	PRIMARY KEY (number),
	UNIQUE (name)
);
CREATE TABLE session_events (
	session VARCHAR(64) NOT NULL,
	sequence INTEGER NOT NULL,
	time DATETIME NOT NULL,
	kind VARCHAR(32) NOT NULL,
	payload BLOB NOT NULL,
	PRIMARY KEY (session, sequence),
	FOREIGN KEY(session) REFERENCES sessions (id)
);
CREATE TABLE session_files (
	session VARCHAR(64) NOT NULL,
	digest VARCHAR(64) NOT NULL,
	PRIMARY KEY (session, digest),
	FOREIGN KEY(session) REFERENCES sessions (id)
);
CREATE TABLE session_specs (
	session VARCHAR(64) NOT NULL,
	spec BLOB NOT NULL,
	PRIMARY KEY (session),
	FOREIGN KEY(session) REFERENCES sessions (id)
);
CREATE TABLE session_titles (
	session VARCHAR(64) NOT NULL,
	title VARCHAR(200) NOT NULL,
	PRIMARY KEY (session),
	FOREIGN KEY(session) REFERENCES sessions (id)
);
CREATE TABLE sessions (
	number INTEGER NOT NULL,
	id VARCHAR(64) NOT NULL,
	request_id VARCHAR(64),
	request_digest VARCHAR(64) NOT NULL,
	state INTEGER NOT NULL,
	evolving BOOLEAN NOT NULL,
	summary BLOB NOT NULL,
	created DATETIME NOT NULL,
	updated DATETIME NOT NULL,
	last_sequence INTEGER NOT NULL, owner VARCHAR(64) DEFAULT '' NOT NULL,
	PRIMARY KEY (number),
	UNIQUE (id),
	UNIQUE (request_id)
);
CREATE TABLE shares (
	resource VARCHAR(320) NOT NULL,
	"key" VARCHAR(64) NOT NULL,
	PRIMARY KEY (resource, "key")
);
CREATE TABLE written_files (
	digest VARCHAR(64) NOT NULL,
	PRIMARY KEY (digest)
);
CREATE INDEX jobs_by_result ON jobs (result);
CREATE INDEX jobs_by_state ON jobs (state, number);
CREATE INDEX jobs_by_needs ON jobs (needs);
CREATE INDEX results_by_kind ON results (kind, generator, number);
CREATE INDEX sessions_evolving ON sessions (evolving, updated);
CREATE INDEX sessions_by_state ON sessions (state, number);
CREATE INDEX ix_session_titles_title ON session_titles (title);
CREATE INDEX session_files_by_digest ON session_files (digest);
CREATE INDEX jobs_by_owner ON jobs (owner, number);
CREATE INDEX results_by_owner ON results (owner, kind, number);
CREATE INDEX sessions_by_owner ON sessions (owner, number);
COMMIT;
