-- Up Migration
-- Webhooks: where a connection is told of changes, with which secrets that is signed; and records that are to be asked for by their id,
-- because what was told of them cannot be ordered.

create table sync.webhook_endpoints (
  org_id text not null,
  source text not null,
  -- a part of the address that the API is told, so that it cannot be guessed; it opens nothing by itself
  token text not null,
  -- the address without the path, as it was last told
  base_url text not null,
  created_at timestamptz not null default now(),
  primary key (org_id, source),
  foreign key (org_id, source) references sync.connections on delete cascade
);

create table sync.webhook_subscriptions (
  org_id text not null,
  source text not null,
  event text not null,
  subscription_id text not null,
  -- both sealed as ledger/secrets.ts does it, the field being `webhook:<event>`; the previous one is accepted until then
  secret bytea not null,
  previous_secret bytea,
  previous_until timestamptz,
  verified_at timestamptz not null default now(),
  primary key (org_id, source, event),
  foreign key (org_id, source) references sync.webhook_endpoints on delete cascade
);

create table sync.asks (
  org_id text not null,
  source text not null,
  entity text not null,
  external_id text not null,
  -- external ids of its parents by column, as far as they are known
  parents jsonb not null,
  why text not null check (why in ('hint', 'parent')),
  -- raised each time that it is asked for again: an answer settles the round in which it was taken
  round int not null default 0,
  holder uuid,
  wake_at timestamptz not null,
  failures int not null default 0,
  reason text,
  asked_at timestamptz not null default now(),
  primary key (org_id, source, entity, external_id),
  foreign key (org_id, source) references sync.connections on delete cascade
);
create index asks_due on sync.asks (wake_at);

-- Down Migration
drop table sync.asks, sync.webhook_subscriptions, sync.webhook_endpoints;
