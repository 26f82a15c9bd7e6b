-- Up Migration
-- Canonical tables, parents first, and the parked rows of entities that cannot be without a parent.
-- Derived from topics/schemas/*.avsc by sinks/postgres/ddl.ts; a test holds them together.
-- A row's version is (source_updated_at, observed_at, mapping_revision); content_hash is of everything that a source says.

create schema if not exists sync;
create schema if not exists canonical;

create table "canonical"."person" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "name" text,
  "first_name" text,
  "middle_name" text,
  "last_name" text,
  "given_name" text,
  "nickname" text,
  "status" text,
  "inactivated_at" timestamptz,
  "membership" text,
  "gender" text,
  "birthdate" date,
  "anniversary" date,
  "child" boolean,
  "grade" integer,
  "graduation_year" integer,
  "school_type" text,
  "medical_notes" text,
  "passed_background_check" boolean,
  "primary_campus_id" uuid,
  "remote_id" text,
  "login_identifier" text,
  "accounting_administrator" boolean,
  "site_administrator" boolean,
  "people_permissions" text,
  "can_create_forms" boolean,
  "can_email_lists" boolean,
  "mfa_configured" boolean,
  "resource_permission_flags" jsonb,
  "directory_status" text,
  "directory_shared_info" jsonb,
  "stripe_customer_identifier" text,
  "avatar" text,
  "demographic_avatar_url" text,
  "created_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "first_run_id" uuid,
  "last_changed_run_id" uuid,
  primary key ("org_id", "id")
) with (fillfactor = 90);
create index "person_by_external_id" on "canonical"."person" ("external_id");

create table "canonical"."address" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "person_id" uuid,
  "street_line_1" text,
  "street_line_2" text,
  "city" text,
  "state" text,
  "zip" text,
  "country_code" text,
  "country_name" text,
  "location" text,
  "is_primary" boolean,
  "created_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "first_run_id" uuid,
  "last_changed_run_id" uuid,
  primary key ("org_id", "id"),
  constraint "address_person_id_fkey" foreign key ("org_id", "person_id") references "canonical"."person" ("org_id", "id")
) with (fillfactor = 90);
create index "address_by_external_id" on "canonical"."address" ("external_id");
create index "address_by_person_id" on "canonical"."address" ("org_id", "person_id");

create table "canonical"."campus" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "name" text,
  "description" text,
  "street" text,
  "city" text,
  "state" text,
  "zip" text,
  "country" text,
  "latitude" double precision,
  "longitude" double precision,
  "geolocation_set_manually" boolean,
  "phone_number" text,
  "contact_email_address" text,
  "website" text,
  "time_zone" text,
  "time_zone_raw" text,
  "twenty_four_hour_time" boolean,
  "date_format" integer,
  "church_center_enabled" boolean,
  "avatar_url" text,
  "created_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "first_run_id" uuid,
  "last_changed_run_id" uuid,
  primary key ("org_id", "id")
) with (fillfactor = 90);
create index "campus_by_external_id" on "canonical"."campus" ("external_id");

create table "canonical"."email" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "person_id" uuid,
  "address" text,
  "location" text,
  "is_primary" boolean,
  "blocked" boolean,
  "created_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "first_run_id" uuid,
  "last_changed_run_id" uuid,
  primary key ("org_id", "id"),
  constraint "email_person_id_fkey" foreign key ("org_id", "person_id") references "canonical"."person" ("org_id", "id")
) with (fillfactor = 90);
create index "email_by_external_id" on "canonical"."email" ("external_id");
create index "email_by_person_id" on "canonical"."email" ("org_id", "person_id");

create table "canonical"."group" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "name" text,
  "description" text,
  "schedule" text,
  "memberships_count" integer,
  "group_type_external_id" text,
  "location_external_id" text,
  "location_type_preference" text,
  "virtual_location_url" text,
  "contact_email" text,
  "public_church_center_web_url" text,
  "events_visibility" text,
  "members_are_confidential" boolean,
  "leaders_can_search_people_database" boolean,
  "can_create_conversation" boolean,
  "chat_enabled" boolean,
  "tag_ids" jsonb,
  "header_image" jsonb,
  "widget_status" jsonb,
  "archived_at" timestamptz,
  "created_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "first_run_id" uuid,
  "last_changed_run_id" uuid,
  primary key ("org_id", "id")
) with (fillfactor = 90);
create index "group_by_external_id" on "canonical"."group" ("external_id");

create table "canonical"."event" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "group_id" uuid,
  "name" text,
  "description" text,
  "starts_at" timestamptz,
  "ends_at" timestamptz,
  "multi_day" boolean,
  "repeating" boolean,
  "repeating_event_external_id" text,
  "canceled" boolean,
  "canceled_at" timestamptz,
  "location_external_id" text,
  "location_type_preference" text,
  "virtual_location_url" text,
  "visitors_count" integer,
  "attendance_requests_enabled" boolean,
  "attendance_submitter_id" uuid,
  "automated_reminder_enabled" boolean,
  "reminders_sent" boolean,
  "reminders_sent_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "first_run_id" uuid,
  "last_changed_run_id" uuid,
  primary key ("org_id", "id"),
  constraint "event_group_id_fkey" foreign key ("org_id", "group_id") references "canonical"."group" ("org_id", "id")
) with (fillfactor = 90);
create index "event_by_external_id" on "canonical"."event" ("external_id");
create index "event_by_group_id" on "canonical"."event" ("org_id", "group_id");

create table "canonical"."group_membership" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "group_id" uuid,
  "person_id" uuid,
  "role" text,
  "joined_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "first_run_id" uuid,
  "last_changed_run_id" uuid,
  primary key ("org_id", "id"),
  constraint "group_membership_group_id_fkey" foreign key ("org_id", "group_id") references "canonical"."group" ("org_id", "id"),
  constraint "group_membership_person_id_fkey" foreign key ("org_id", "person_id") references "canonical"."person" ("org_id", "id")
) with (fillfactor = 90);
create index "group_membership_by_external_id" on "canonical"."group_membership" ("external_id");
create index "group_membership_by_group_id" on "canonical"."group_membership" ("org_id", "group_id");
create index "group_membership_by_person_id" on "canonical"."group_membership" ("org_id", "person_id");

create table "canonical"."household" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "name" text,
  "member_count" integer,
  "primary_contact_id" uuid,
  "primary_contact_name" text,
  "avatar" text,
  "created_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "first_run_id" uuid,
  "last_changed_run_id" uuid,
  primary key ("org_id", "id")
) with (fillfactor = 90);
create index "household_by_external_id" on "canonical"."household" ("external_id");

create table "canonical"."household_membership" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "household_id" uuid,
  "person_id" uuid,
  "membership_id" text,
  "person_name" text,
  "pending" boolean,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "first_run_id" uuid,
  "last_changed_run_id" uuid,
  primary key ("org_id", "id"),
  constraint "household_membership_household_id_fkey" foreign key ("org_id", "household_id") references "canonical"."household" ("org_id", "id"),
  constraint "household_membership_person_id_fkey" foreign key ("org_id", "person_id") references "canonical"."person" ("org_id", "id")
) with (fillfactor = 90);
create index "household_membership_by_external_id" on "canonical"."household_membership" ("external_id");
create index "household_membership_by_household_id" on "canonical"."household_membership" ("org_id", "household_id");
create index "household_membership_by_person_id" on "canonical"."household_membership" ("org_id", "person_id");

create table "canonical"."phone_number" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "person_id" uuid,
  "number" text,
  "e164" text,
  "international" text,
  "national" text,
  "formatted_number" text,
  "country_code" text,
  "carrier" text,
  "location" text,
  "is_primary" boolean,
  "created_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "first_run_id" uuid,
  "last_changed_run_id" uuid,
  primary key ("org_id", "id"),
  constraint "phone_number_person_id_fkey" foreign key ("org_id", "person_id") references "canonical"."person" ("org_id", "id")
) with (fillfactor = 90);
create index "phone_number_by_external_id" on "canonical"."phone_number" ("external_id");
create index "phone_number_by_person_id" on "canonical"."phone_number" ("org_id", "person_id");

create table "sync"."parked_address" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "person_id" uuid,
  "street_line_1" text,
  "street_line_2" text,
  "city" text,
  "state" text,
  "zip" text,
  "country_code" text,
  "country_name" text,
  "location" text,
  "is_primary" boolean,
  "created_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "run_id" uuid,
  "range_id" integer,
  "page" integer,
  "attempt" integer,
  "index" integer,
  "parked_at" timestamptz not null default now(),
  primary key ("org_id", "id")
) with (fillfactor = 100);
create index "parked_address_by_person_id" on "sync"."parked_address" ("org_id", "person_id");

create table "sync"."parked_email" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "person_id" uuid,
  "address" text,
  "location" text,
  "is_primary" boolean,
  "blocked" boolean,
  "created_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "run_id" uuid,
  "range_id" integer,
  "page" integer,
  "attempt" integer,
  "index" integer,
  "parked_at" timestamptz not null default now(),
  primary key ("org_id", "id")
) with (fillfactor = 100);
create index "parked_email_by_person_id" on "sync"."parked_email" ("org_id", "person_id");

create table "sync"."parked_event" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "group_id" uuid,
  "name" text,
  "description" text,
  "starts_at" timestamptz,
  "ends_at" timestamptz,
  "multi_day" boolean,
  "repeating" boolean,
  "repeating_event_external_id" text,
  "canceled" boolean,
  "canceled_at" timestamptz,
  "location_external_id" text,
  "location_type_preference" text,
  "virtual_location_url" text,
  "visitors_count" integer,
  "attendance_requests_enabled" boolean,
  "attendance_submitter_id" uuid,
  "automated_reminder_enabled" boolean,
  "reminders_sent" boolean,
  "reminders_sent_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "run_id" uuid,
  "range_id" integer,
  "page" integer,
  "attempt" integer,
  "index" integer,
  "parked_at" timestamptz not null default now(),
  primary key ("org_id", "id")
) with (fillfactor = 100);
create index "parked_event_by_group_id" on "sync"."parked_event" ("org_id", "group_id");

create table "sync"."parked_group_membership" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "group_id" uuid,
  "person_id" uuid,
  "role" text,
  "joined_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "run_id" uuid,
  "range_id" integer,
  "page" integer,
  "attempt" integer,
  "index" integer,
  "parked_at" timestamptz not null default now(),
  primary key ("org_id", "id")
) with (fillfactor = 100);
create index "parked_group_membership_by_group_id" on "sync"."parked_group_membership" ("org_id", "group_id");
create index "parked_group_membership_by_person_id" on "sync"."parked_group_membership" ("org_id", "person_id");

create table "sync"."parked_household_membership" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "household_id" uuid,
  "person_id" uuid,
  "membership_id" text,
  "person_name" text,
  "pending" boolean,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "run_id" uuid,
  "range_id" integer,
  "page" integer,
  "attempt" integer,
  "index" integer,
  "parked_at" timestamptz not null default now(),
  primary key ("org_id", "id")
) with (fillfactor = 100);
create index "parked_household_membership_by_household_id" on "sync"."parked_household_membership" ("org_id", "household_id");
create index "parked_household_membership_by_person_id" on "sync"."parked_household_membership" ("org_id", "person_id");

create table "sync"."parked_phone_number" (
  "id" uuid not null,
  "org_id" text not null,
  "source" text,
  "external_id" text,
  "person_id" uuid,
  "number" text,
  "e164" text,
  "international" text,
  "national" text,
  "formatted_number" text,
  "country_code" text,
  "carrier" text,
  "location" text,
  "is_primary" boolean,
  "created_at" timestamptz,
  "custom_fields" jsonb,
  "source_updated_at" timestamptz,
  "deleted_at" timestamptz,
  "observed_at" timestamptz,
  "mapping_revision" integer,
  "content_hash" uuid,
  "run_id" uuid,
  "range_id" integer,
  "page" integer,
  "attempt" integer,
  "index" integer,
  "parked_at" timestamptz not null default now(),
  primary key ("org_id", "id")
) with (fillfactor = 100);
create index "parked_phone_number_by_person_id" on "sync"."parked_phone_number" ("org_id", "person_id");

-- Down Migration
drop table "sync"."parked_address";
drop table "sync"."parked_email";
drop table "sync"."parked_event";
drop table "sync"."parked_group_membership";
drop table "sync"."parked_household_membership";
drop table "sync"."parked_phone_number";
drop table "canonical"."phone_number";
drop table "canonical"."household_membership";
drop table "canonical"."household";
drop table "canonical"."group_membership";
drop table "canonical"."event";
drop table "canonical"."group";
drop table "canonical"."email";
drop table "canonical"."campus";
drop table "canonical"."address";
drop table "canonical"."person";
