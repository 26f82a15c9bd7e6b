-- Up Migration
-- Secrets under envelope encryption, connections by OAuth, and organisations that are forgotten.

-- One key per organisation, under which all its secrets are encrypted; itself encrypted under the installation's key, named by kek_id.
-- Without this row no secret of the organisation can be read by anybody: forgetting it destroys it.
create table sync.data_keys (
  org_id text primary key references sync.organisations on delete cascade,
  kek_id text not null,
  -- version byte, 12 bytes iv, 16 bytes tag, ciphertext; authenticated data name the organisation
  wrapped bytea not null,
  created_at timestamptz not null default now()
);

alter table sync.connections
  add column kind text not null default 'token' check (kind in ('token', 'oauth')),
  -- the name of its window in the rate limiter: of the account that the vendor counts by, so that it stays when a token changes
  add column limit_key text,
  alter column credential drop not null,
  add constraint connections_have_a_credential check (kind = 'oauth' or credential is not null);

-- The token pair of a connection by OAuth. Whoever refreshes it holds the row's lock from before the request until the new pair is
-- committed (producers/token-refresh.ts), so there is one refresh at a time over all workers.
create table sync.tokens (
  org_id text not null,
  source text not null,
  client_id text not null,
  client_secret bytea not null,
  access_token bytea not null,
  refresh_token bytea not null,
  scope text not null,
  -- raised with every new pair: who was refused with an older one only has to read
  generation int not null default 1,
  -- by this server's clock alone, from the life that the vendor gives a token
  expires_at timestamptz not null,
  refresh_at timestamptz not null,
  state text not null default 'connected' check (state in ('connected', 'reauthorise')),
  reason text,
  state_since timestamptz not null default now(),
  primary key (org_id, source),
  foreign key (org_id, source) references sync.connections on delete cascade
);

-- The last attempt at a refresh, committed before it is sent. 'sent' without an end: who sent it may have died with the answer.
create table sync.refresh_attempts (
  org_id text not null,
  source text not null,
  generation int not null,
  attempts int not null default 1,
  sent_at timestamptz not null default now(),
  outcome text not null default 'sent' check (outcome in ('sent', 'unanswered')),
  primary key (org_id, source),
  foreign key (org_id, source) references sync.connections on delete cascade
);

-- Authorisations under way: the `state` of the URL, hashed, good once and for ten minutes.
create table sync.authorisations (
  state_hash bytea primary key,
  org_id text not null,
  source text not null,
  begun_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '10 minutes',
  used_at timestamptz
);

-- Callbacks and codes that were refused, in figures.
create table sync.refused_authorisations (
  reason text primary key,
  times bigint not null default 0
);

-- Organisations that were forgotten, or are being: nothing of them that was observed until then comes into a table again.
create table sync.forgotten (
  org_id text primary key,
  forgotten_at timestamptz not null default now(),
  finished_at timestamptz,
  rows bigint not null default 0,
  parked bigint not null default 0,
  runs bigint not null default 0,
  dead_letters bigint not null default 0,
  tombstones bigint not null default 0
);

-- Of these organisations, those of which something may not be written: what was observed until then, or nothing at all (null). Waits for who
-- is marking one of them, and makes them wait for the caller's transaction: so none that has seen an organisation as active ends after it
-- was marked.
create function sync.forgotten_of(org_ids text[]) returns table (org_id text, until timestamptz) language plpgsql as $$
begin
  perform from sync.organisations o where o.org_id = any(org_ids) order by o.org_id for key share;
  return query select f.org_id, case when o.active then f.forgotten_at end
    from sync.forgotten f left join sync.organisations o on o.org_id = f.org_id where f.org_id = any(org_ids);
end $$;

create function sync.mark_token_state() returns trigger language plpgsql as $$
begin
  new.state_since := now();
  return new;
end $$;
create trigger tokens_state before update on sync.tokens for each row when (old.state is distinct from new.state)
  execute function sync.mark_token_state();

-- A connection that was authorised, or must be again; a refresh is neither.
create function sync.audit_token() returns trigger language plpgsql as $$
begin
  insert into sync.audit_log (org_id, action, subject, facts) values (new.org_id,
    case when new.state = 'connected' then 'connection.authorised' else 'connection.reauthorise' end, new.source,
    jsonb_strip_nulls(jsonb_build_object('scope', new.scope, 'generation', new.generation, 'reason', new.reason)));
  return null;
end $$;
create constraint trigger audit_authorised after insert on sync.tokens deferrable initially deferred
  for each row execute function sync.audit_token();
create constraint trigger audit_state after update on sync.tokens deferrable initially deferred
  for each row when (old.state is distinct from new.state) execute function sync.audit_token();

-- Down Migration
drop table sync.forgotten, sync.refused_authorisations, sync.authorisations, sync.refresh_attempts, sync.tokens, sync.data_keys;
drop function sync.forgotten_of, sync.mark_token_state, sync.audit_token;
delete from sync.connections where credential is null;
alter table sync.connections drop constraint connections_have_a_credential, drop column kind, drop column limit_key,
  alter column credential set not null;
