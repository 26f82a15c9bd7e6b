-- Up Migration
-- The audit trail: one chain of rows per organisation, seq 1, 2, 3 … without gaps, each with the hash of the one before it. Who inserts gives
-- org_id, action, subject and facts; a trigger gives the rest. Changes of state come from triggers too, so that no code can forget them.
-- The rows outlive their organisation: there is no foreign key.

-- Where each chain ends. Its row lock is what writers of one organisation wait for; a chain that was cut short is found by it.
create table sync.audit_heads (
  org_id text primary key,
  seq bigint not null,
  hash bytea not null
);

-- Who acts, as the connection says; programs set it when they connect (platform/postgres.ts).
create function sync.audit_actor() returns text language sql stable as $$
  select coalesce(nullif(current_setting('syncline.actor', true), ''), 'syncline')
$$;

create table sync.audit_log (
  org_id text not null,
  seq bigint not null,
  at timestamptz not null,
  actor text not null default sync.audit_actor(),
  action text not null,
  -- what it was done to: a run, run/entity, the source of a connection, …
  subject text not null,
  -- never a secret, never a payload (invariant 9)
  facts jsonb not null default '{}',
  -- empty in the first row
  previous_hash bytea not null,
  hash bytea not null,
  primary key (org_id, seq)
);

-- SHA-256 over all columns as `length:text`, joined by commas. The rule is checked by ledger/audit-chain.ts, which must say the same; it is
-- stated there once more because a check that asked the database would believe whoever can replace this function.
create function sync.audit_hash(entry sync.audit_log) returns bytea language sql stable as $$
  select sha256(convert_to(string_agg(octet_length(convert_to(field, 'UTF8')) || ':' || field, ',' order by position), 'UTF8'))
  from unnest(array[
    encode(entry.previous_hash, 'hex'), entry.org_id, entry.seq::text,
    to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    entry.actor, entry.action, entry.subject, entry.facts::text
  ]) with ordinality as fields(field, position)
$$;

-- Within one transaction each row costs a little more than the one before it, because the versions of the head's row pile up: a transaction
-- may write hundreds of rows, not tens of thousands.
create function sync.audit_chain() returns trigger language plpgsql as $$
declare
  head sync.audit_heads;
begin
  insert into sync.audit_heads (org_id, seq, hash) values (new.org_id, 0, '') on conflict do nothing;
  select * into head from sync.audit_heads where org_id = new.org_id for update;
  new.seq := head.seq + 1;
  -- not now(): of two transactions the one that began first may come second
  new.at := clock_timestamp();
  new.previous_hash := head.hash;
  new.hash := sync.audit_hash(new);
  update sync.audit_heads set seq = new.seq, hash = new.hash where org_id = new.org_id;
  return new;
end $$;

create trigger audit_chain before insert on sync.audit_log for each row execute function sync.audit_chain();

create function sync.audit_refuse() returns trigger language plpgsql as $$
begin
  raise exception '% of %.% is refused: %', lower(tg_op), tg_table_schema, tg_table_name, tg_argv[0] using errcode = 'insufficient_privilege';
end $$;

create trigger audit_append_only before update or delete or truncate on sync.audit_log
  for each statement execute function sync.audit_refuse('the audit trail is only ever added to');
create trigger audit_head_stays before delete or truncate on sync.audit_heads
  for each statement execute function sync.audit_refuse('the end of an audit trail only ever moves on');
create trigger audit_head_moves_on before update on sync.audit_heads for each row
  when (new.org_id <> old.org_id or new.seq <> old.seq + 1)
  execute function sync.audit_refuse('the end of an audit trail only ever moves on by one row');
-- Always: also for who sets session_replication_role. Not so the chain itself: a replica must take rows as they are.
alter table sync.audit_log enable always trigger audit_append_only;
alter table sync.audit_heads enable always trigger audit_head_stays;
alter table sync.audit_heads enable always trigger audit_head_moves_on;

-- A change of state is written down when its transaction commits (deferred): the lock on the head is the last one that is taken, so it can
-- be part of no deadlock, and is held for the commit only. What changes no state (a swept_at) does not come here at all.

-- What went with its connection (runs), or with its run (entities), is not written down one by one: that it went says enough.
create function sync.audit_run() returns trigger language plpgsql as $$
begin
  case tg_op
    when 'INSERT' then
      insert into sync.audit_log (org_id, action, subject, facts) values (new.org_id, 'run.asked', new.run_id,
        jsonb_build_object('source', new.source, 'adapter', new.adapter, 'strategy', new.strategy, 'selection', new.selection, 'to', new.state));
    when 'UPDATE' then
      insert into sync.audit_log (org_id, action, subject, facts) values (new.org_id,
        'run.' || case when old.state = 'paused' and new.state in ('planned', 'running') then 'resumed' else new.state end, new.run_id,
        jsonb_strip_nulls(jsonb_build_object('from', old.state, 'to', new.state, 'errorCode', new.error_code, 'reason', new.reason)));
    else
      insert into sync.audit_log (org_id, action, subject, facts)
      select c.org_id, 'run.removed', old.run_id, jsonb_build_object('source', c.source, 'from', old.state)
      from sync.connections c where c.org_id = old.org_id and c.source = old.source;
  end case;
  return null;
end $$;

create constraint trigger audit_asked after insert on sync.runs deferrable initially deferred
  for each row execute function sync.audit_run();
create constraint trigger audit_state after update on sync.runs deferrable initially deferred
  for each row when (old.state is distinct from new.state) execute function sync.audit_run();
create constraint trigger audit_removed after delete on sync.runs deferrable initially deferred
  for each row execute function sync.audit_run();

create function sync.audit_entity() returns trigger language plpgsql as $$
declare
  entry record := case when tg_op = 'DELETE' then old else new end;
begin
  insert into sync.audit_log (org_id, action, subject, facts)
  select r.org_id, 'entity.' || case when tg_op = 'DELETE' then 'removed' else entry.state end, r.run_id || '/' || entry.entity,
    jsonb_strip_nulls(jsonb_build_object(
      'from', case when tg_op <> 'INSERT' then old.state end, 'to', case when tg_op <> 'DELETE' then new.state end,
      'errorCode', entry.error_code, 'reason', entry.reason))
  from sync.runs r where r.run_id = entry.run_id;
  return null;
end $$;

create constraint trigger audit_planned after insert on sync.run_entities deferrable initially deferred
  for each row execute function sync.audit_entity();
create constraint trigger audit_state after update on sync.run_entities deferrable initially deferred
  for each row when (old.state is distinct from new.state) execute function sync.audit_entity();
create constraint trigger audit_removed after delete on sync.run_entities deferrable initially deferred
  for each row execute function sync.audit_entity();

-- Names of the columns that differ; of their values only those that are known to hold no secret are written down.
create function sync.audit_changed(before jsonb, after jsonb) returns jsonb language sql immutable as $$
  select coalesce(jsonb_agg(key order by key), '[]') from jsonb_each(before) b join jsonb_each(after) a using (key)
  where b.value is distinct from a.value
$$;

create function sync.audit_connection() returns trigger language plpgsql as $$
declare
  entry sync.connections := case when tg_op = 'DELETE' then old else new end;
  done text := case tg_op when 'INSERT' then 'added' when 'UPDATE' then 'changed' else 'removed' end;
begin
  insert into sync.audit_log (org_id, action, subject, facts) values (entry.org_id, 'connection.' || done, entry.source,
    jsonb_strip_nulls(jsonb_build_object(
      'changed', case when tg_op = 'UPDATE' then sync.audit_changed(to_jsonb(old), to_jsonb(new)) end,
      'adapter', entry.adapter,
      -- an address may carry a password before its host, or a token behind its path
      'baseUrl', regexp_replace(regexp_replace(entry.base_url, '[?#].*$', ''), '//[^/]*@', '//'),
      'rateLimit', entry.rate_limit)));
  return null;
end $$;

create constraint trigger audit_added after insert on sync.connections deferrable initially deferred
  for each row execute function sync.audit_connection();
create constraint trigger audit_changed after update on sync.connections deferrable initially deferred
  for each row when (old is distinct from new) execute function sync.audit_connection();
create constraint trigger audit_removed after delete on sync.connections deferrable initially deferred
  for each row execute function sync.audit_connection();

create function sync.audit_organisation() returns trigger language plpgsql as $$
declare
  entry sync.organisations := case when tg_op = 'DELETE' then old else new end;
  done text := case tg_op when 'INSERT' then 'added' when 'UPDATE' then 'changed' else 'removed' end;
begin
  insert into sync.audit_log (org_id, action, subject, facts) values (entry.org_id, 'organisation.' || done, entry.org_id,
    jsonb_strip_nulls(jsonb_build_object(
      'changed', case when tg_op = 'UPDATE' then sync.audit_changed(to_jsonb(old), to_jsonb(new)) end, 'active', entry.active)));
  return null;
end $$;

create constraint trigger audit_added after insert on sync.organisations deferrable initially deferred
  for each row execute function sync.audit_organisation();
create constraint trigger audit_changed after update on sync.organisations deferrable initially deferred
  for each row when (old is distinct from new) execute function sync.audit_organisation();
create constraint trigger audit_removed after delete on sync.organisations deferrable initially deferred
  for each row execute function sync.audit_organisation();

-- Truncating fires no row's trigger.
create trigger audit_no_truncate before truncate on sync.runs
  for each statement execute function sync.audit_refuse('delete rows instead, which the audit trail sees');
create trigger audit_no_truncate before truncate on sync.run_entities
  for each statement execute function sync.audit_refuse('delete rows instead, which the audit trail sees');
create trigger audit_no_truncate before truncate on sync.connections
  for each statement execute function sync.audit_refuse('delete rows instead, which the audit trail sees');
create trigger audit_no_truncate before truncate on sync.organisations
  for each statement execute function sync.audit_refuse('delete rows instead, which the audit trail sees');

-- What was there before the trail: from here on every organisation has one.
insert into sync.audit_log (org_id, action, subject) select org_id, 'audit.begun', org_id from sync.organisations order by org_id;

-- Down Migration
drop table sync.audit_log, sync.audit_heads cascade;
drop function sync.audit_actor, sync.audit_chain, sync.audit_refuse, sync.audit_changed, sync.audit_run, sync.audit_entity,
  sync.audit_connection, sync.audit_organisation cascade;
