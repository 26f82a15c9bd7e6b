-- Up Migration
-- What an organisation does not want to be held of its records, and the key of its hashes.

-- No foreign key: a rule must stay when its organisation is removed, and hold from the first page on when that is added again.
create table sync.field_rules (
  org_id text not null,
  entity text not null,
  -- as the API names it
  attribute text not null,
  action text not null check (action in ('drop', 'hash', 'mask')),
  -- an attribute of the same record: where it is false, the rule does not apply
  when_attribute text,
  set_at timestamptz not null default now(),
  primary key (org_id, entity, attribute)
);

-- Made once and never changed, so that hashes stay comparable; sealed under the organisation's data key, and worthless without that.
create table sync.field_keys (
  org_id text primary key references sync.organisations on delete cascade,
  key bytea not null
);

-- The audit trail, as in 0003. What is forgotten with its organisation is not written down one by one.
create function sync.audit_field_rule() returns trigger language plpgsql as $$
declare
  entry sync.field_rules := case when tg_op = 'DELETE' then old else new end;
  done text := case tg_op when 'INSERT' then 'added' when 'DELETE' then 'removed' else 'changed' end;
begin
  insert into sync.audit_log (org_id, action, subject, facts)
  select entry.org_id, 'field-rule.' || done, entry.entity || '.' || entry.attribute,
    jsonb_strip_nulls(jsonb_build_object('action', entry.action, 'when', entry.when_attribute))
  where not exists (select from sync.forgotten f where f.org_id = entry.org_id and f.finished_at is null);
  return null;
end $$;

create constraint trigger audit_changed after insert or update or delete on sync.field_rules deferrable initially deferred
  for each row execute function sync.audit_field_rule();
create trigger audit_no_truncate before truncate on sync.field_rules
  for each statement execute function sync.audit_refuse('delete rows instead, which the audit trail sees');

-- Down Migration
drop table sync.field_keys, sync.field_rules;
drop function sync.audit_field_rule;
