-- Up Migration
-- Whose data a source has: the account at the vendor that its first page came from. It stays with the rows when the connection is removed.
create table sync.accounts (
  org_id text not null,
  source text not null,
  account text not null,
  first_seen timestamptz not null default now(),
  primary key (org_id, source)
);

-- Down Migration
drop table sync.accounts;
