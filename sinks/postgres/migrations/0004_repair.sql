-- Up Migration
-- External ids of a parked row's parents by the column that points to them, as the record's header told them: what the parents are
-- asked for by, because a canonical id does not tell. Derived by sinks/postgres/ddl.ts.
alter table "sync"."parked_address" add column "parents" jsonb;
alter table "sync"."parked_email" add column "parents" jsonb;
alter table "sync"."parked_event" add column "parents" jsonb;
alter table "sync"."parked_group_membership" add column "parents" jsonb;
alter table "sync"."parked_household_membership" add column "parents" jsonb;
alter table "sync"."parked_phone_number" add column "parents" jsonb;

-- Down Migration
alter table "sync"."parked_address" drop column "parents";
alter table "sync"."parked_email" drop column "parents";
alter table "sync"."parked_event" drop column "parents";
alter table "sync"."parked_group_membership" drop column "parents";
alter table "sync"."parked_household_membership" drop column "parents";
alter table "sync"."parked_phone_number" drop column "parents";
