-- Up Migration
-- Whose the credential of a connection is: the account at the vendor that it named when it was asked, once. Goes with the credential.
create table sync.credential_accounts (
  org_id text not null,
  source text not null,
  account text not null,
  primary key (org_id, source),
  foreign key (org_id, source) references sync.connections on delete cascade
);

-- Down Migration
drop table sync.credential_accounts;
