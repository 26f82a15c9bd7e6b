-- Up Migration
-- The record as it stood on its topic, and which letter was replayed with it: a parked row that its table refuses becomes a dead letter of
-- these bytes. Null in rows parked before: those stay parked. Derived by sinks/postgres/ddl.ts.
alter table "sync"."parked_address" add column "value" bytea;
alter table "sync"."parked_address" add column "replays" text;
alter table "sync"."parked_email" add column "value" bytea;
alter table "sync"."parked_email" add column "replays" text;
alter table "sync"."parked_event" add column "value" bytea;
alter table "sync"."parked_event" add column "replays" text;
alter table "sync"."parked_group_membership" add column "value" bytea;
alter table "sync"."parked_group_membership" add column "replays" text;
alter table "sync"."parked_household_membership" add column "value" bytea;
alter table "sync"."parked_household_membership" add column "replays" text;
alter table "sync"."parked_phone_number" add column "value" bytea;
alter table "sync"."parked_phone_number" add column "replays" text;

-- Down Migration
alter table "sync"."parked_address" drop column "value";
alter table "sync"."parked_address" drop column "replays";
alter table "sync"."parked_email" drop column "value";
alter table "sync"."parked_email" drop column "replays";
alter table "sync"."parked_event" drop column "value";
alter table "sync"."parked_event" drop column "replays";
alter table "sync"."parked_group_membership" drop column "value";
alter table "sync"."parked_group_membership" drop column "replays";
alter table "sync"."parked_household_membership" drop column "value";
alter table "sync"."parked_household_membership" drop column "replays";
alter table "sync"."parked_phone_number" drop column "value";
alter table "sync"."parked_phone_number" drop column "replays";
