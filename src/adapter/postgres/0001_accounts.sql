-- Instants are whole milliseconds since 1970-01-01T00:00:00Z: to_timestamp(created_at / 1000.0) shows one.
-- Text is compared as bytes (collate "C"), whatever the database's collation is.
-- No table refers to another: a user goes without what the commit does not remove, and every order of writes is checked
-- by versions.

create table acceso_users (
    id bytea not null primary key check (octet_length(id) = 16),
    version bigint not null check (version > 0),
    generation bigint not null check (generation > 0),
    username text collate "C" not null unique,
    email_key text collate "C" not null, -- the address in lower case, by which it is found
    email text collate "C" not null,
    full_name text not null,
    patients text not null check (json_array_length(patients::json) > 0), -- ids of the clinic's records
    language text collate "C" not null check (language in ('es', 'en')),
    status text collate "C" not null check (status in ('active', 'disabled')),
    disabled_at bigint,
    disabled_by text collate "C" check (disabled_by in ('clinic', 'no_patients')),
    credential text collate "C" not null check (credential in ('chosen', 'awaiting_temporary', 'temporary')),
    password_hash text collate "C", -- Argon2id, in PHC form
    strikes bigint check (strikes between 0 and 65535),
    locked_at bigint,
    temporary_from bigint,
    temporary_until bigint,
    created_at bigint not null,
    changed_at bigint not null,
    constraint acceso_users_disabled
        check ((status = 'disabled') = (disabled_at is not null) and (disabled_at is null) = (disabled_by is null)),
    constraint acceso_users_hash check ((credential = 'awaiting_temporary') = (password_hash is null)),
    constraint acceso_users_chosen
        check ((credential = 'chosen') = (strikes is not null) and (credential = 'chosen' or locked_at is null)),
    constraint acceso_users_temporary
        check ((credential = 'temporary') = (temporary_from is not null)
            and (temporary_from is null) = (temporary_until is null))
);
create index acceso_users_by_email on acceso_users (email_key);

create table acceso_registrations (
    number bigint generated always as identity, -- the order of arrival
    id bytea not null primary key check (octet_length(id) = 16),
    username text collate "C" not null,
    email_key text collate "C" not null,
    email text collate "C" not null,
    full_name text not null,
    password_hash text collate "C" not null,
    language text collate "C" not null check (language in ('es', 'en')),
    registered_at bigint not null,
    expires_at bigint not null
);
create index acceso_registrations_by_email on acceso_registrations (email_key, registered_at, number);
create index acceso_registrations_by_email_and_name
    on acceso_registrations (email_key, username, registered_at, number);
create index acceso_registrations_by_end on acceso_registrations (expires_at);

create table acceso_mailboxes (
    id bytea not null primary key check (octet_length(id) = 16),
    version bigint not null check (version > 0),
    email_key text collate "C" not null unique,
    email text collate "C" not null,
    last_link_ends bigint,
    purge_from bigint, -- when purge looks at it; null while it was seen to have a user
    entries text not null check (json_typeof(entries::json) = 'array') -- mails lately sent there, links as digests
);
create index acceso_mailboxes_to_purge on acceso_mailboxes (purge_from) where purge_from is not null;

create table acceso_sessions (
    digest bytea not null primary key check (octet_length(digest) = 32), -- SHA-256 of the token, which is kept nowhere
    session_id bytea not null check (octet_length(session_id) = 16),
    user_id bytea not null check (octet_length(user_id) = 16),
    kind text collate "C" not null check (kind in ('full', 'must_change_password')),
    remembered boolean not null,
    opened_at bigint not null,
    last_seen bigint not null,
    absolute_end bigint not null,
    device text
);
create index acceso_sessions_by_user on acceso_sessions (user_id, opened_at);
create index acceso_sessions_by_end on acceso_sessions (absolute_end);

create table acceso_mail (
    id bytea not null primary key check (octet_length(id) = 16),
    purpose text collate "C" not null,
    user_id bytea check (octet_length(user_id) = 16), -- to a user, or ...
    generation bigint,
    email text collate "C", -- ... as typed by a stranger
    username text collate "C",
    group_key text collate "C" not null, -- equal rows are mailed once
    place bigint not null, -- in the queue: by due time, and anywhere if typed
    queued_at bigint not null,
    due_at bigint not null,
    attempts bigint not null check (attempts between 0 and 4294967295),
    lease bigint not null check (lease >= 0),
    lease_until bigint,
    constraint acceso_mail_addressee
        check ((user_id is null) <> (email is null) and (user_id is null) = (generation is null))
);
create index acceso_mail_by_group on acceso_mail (group_key);
create index acceso_mail_to_users on acceso_mail (place, due_at, group_key) where user_id is not null;
create index acceso_mail_typed on acceso_mail (place, due_at, group_key) where user_id is null;
create index acceso_mail_by_due on acceso_mail (due_at);

-- Couriers claim one after the other: each locks this row while it does.
create table acceso_claims (only_row boolean primary key check (only_row));
insert into acceso_claims values (true);

create table acceso_events (
    number bigint generated always as identity primary key,
    at bigint not null,
    kind text collate "C" not null,
    mail text collate "C",
    user_id bytea check (octet_length(user_id) = 16),
    address text,
    device text
);
create index acceso_events_by_user on acceso_events (user_id, number) where user_id is not null;
create index acceso_events_by_time on acceso_events (at);
