-- Up Migration
-- The audit trail costs the same for each row, however many a transaction writes; and it can be bounded: its oldest rows may go, when the
-- trail itself says up to which one, and with which hash.

-- The head's row was written anew with each row of the trail, and a transaction that wrote many walked past all those versions for each
-- of them. Now it is only locked, and moved once, when the transaction commits. Rows past the head are this transaction's own.
create or replace function sync.audit_chain() returns trigger language plpgsql as $$
declare
  head sync.audit_heads;
  last record;
begin
  insert into sync.audit_heads (org_id, seq, hash) values (new.org_id, 0, '') on conflict do nothing;
  select * into head from sync.audit_heads where org_id = new.org_id for update;
  select seq, hash into last from sync.audit_log where org_id = new.org_id and seq > head.seq order by seq desc limit 1;
  new.seq := coalesce(last.seq, head.seq) + 1;
  -- not now(): of two transactions the one that began first may come second
  new.at := clock_timestamp();
  new.previous_hash := coalesce(last.hash, head.hash);
  new.hash := sync.audit_hash(new);
  return new;
end $$;

-- Fires for each row; the first one moves the head to the last row, and the others find it there.
create function sync.audit_move_head() returns trigger language plpgsql as $$
begin
  if exists (select from sync.audit_heads where org_id = new.org_id and seq < new.seq) then
    update sync.audit_heads h set seq = l.seq, hash = l.hash
    from (select seq, hash from sync.audit_log where org_id = new.org_id order by seq desc limit 1) l where h.org_id = new.org_id;
  end if;
  return null;
end $$;

create constraint trigger audit_move_head after insert on sync.audit_log deferrable initially deferred
  for each row execute function sync.audit_move_head();

drop trigger audit_head_moves_on on sync.audit_heads;
create function sync.audit_head_moves_on() returns trigger language plpgsql as $$
begin
  if new.org_id = old.org_id and new.seq > old.seq
    and exists (select from sync.audit_log where org_id = new.org_id and seq = new.seq and hash = new.hash) then return new; end if;
  raise exception 'update of sync.audit_heads is refused: the end of an audit trail only ever moves on to a row of it'
    using errcode = 'insufficient_privilege';
end $$;
create trigger audit_head_moves_on before update on sync.audit_heads
  for each row execute function sync.audit_head_moves_on();
alter table sync.audit_heads enable always trigger audit_head_moves_on;

-- What is left after rows were taken out must begin right after the row that the newest `audit.pruned` of the trail names, and follow it.
create function sync.audit_only_pruned() returns trigger language plpgsql as $$
declare
  trail text;
  said jsonb;
  first sync.audit_log;
begin
  for trail in select distinct org_id from gone loop
    select facts into said from sync.audit_log where org_id = trail and action = 'audit.pruned' order by seq desc limit 1;
    select * into first from sync.audit_log where org_id = trail order by seq limit 1;
    if first.seq = (said ->> 'through')::bigint + 1 and encode(first.previous_hash, 'hex') = said ->> 'hash'
      and not exists (select from gone where org_id = trail and seq > first.seq) then continue; end if;
    raise exception 'delete of sync.audit_log is refused: only the oldest rows of an audit trail may go, by: syncline audit --export --prune'
      using errcode = 'insufficient_privilege';
  end loop;
  return null;
end $$;

drop trigger audit_append_only on sync.audit_log;
create trigger audit_append_only before update or truncate on sync.audit_log
  for each statement execute function sync.audit_refuse('the audit trail is only ever added to');
create trigger audit_only_pruned after delete on sync.audit_log referencing old table as gone
  for each statement execute function sync.audit_only_pruned();
alter table sync.audit_log enable always trigger audit_append_only;
alter table sync.audit_log enable always trigger audit_only_pruned;

-- Down Migration
drop trigger audit_only_pruned on sync.audit_log;
drop trigger audit_append_only on sync.audit_log;
drop trigger audit_move_head on sync.audit_log;
drop trigger audit_head_moves_on on sync.audit_heads;
drop function sync.audit_only_pruned, sync.audit_move_head, sync.audit_head_moves_on;
create trigger audit_append_only before update or delete or truncate on sync.audit_log
  for each statement execute function sync.audit_refuse('the audit trail is only ever added to');
alter table sync.audit_log enable always trigger audit_append_only;
create trigger audit_head_moves_on before update on sync.audit_heads for each row
  when (new.org_id <> old.org_id or new.seq <> old.seq + 1)
  execute function sync.audit_refuse('the end of an audit trail only ever moves on by one row');
alter table sync.audit_heads enable always trigger audit_head_moves_on;
create or replace function sync.audit_chain() returns trigger language plpgsql as $$
declare
  head sync.audit_heads;
begin
  insert into sync.audit_heads (org_id, seq, hash) values (new.org_id, 0, '') on conflict do nothing;
  select * into head from sync.audit_heads where org_id = new.org_id for update;
  new.seq := head.seq + 1;
  new.at := clock_timestamp();
  new.previous_hash := head.hash;
  new.hash := sync.audit_hash(new);
  update sync.audit_heads set seq = new.seq, hash = new.hash where org_id = new.org_id;
  return new;
end $$;
