-- Instants are whole milliseconds since 1970-01-01T00:00:00Z. Text and blobs are compared as bytes.
-- No table refers to another: a user goes without what the commit does not remove, and every order of writes is checked
-- by versions.

create table acceso_users (
    id blob not null primary key check (length(id) = 16),
    version integer not null check (version > 0),
    generation integer not null check (generation > 0),
    username text not null unique,
    email_key text not null, -- the address in lower case, by which it is found
    email text not null,
    full_name text not null,
    patients text not null check (json_array_length(patients) > 0), -- ids of the clinic's records
    language text not null check (language in ('es', 'en')),
    status text not null check (status in ('active', 'disabled')),
    disabled_at integer,
    disabled_by text check (disabled_by in ('clinic', 'no_patients')),
    credential text not null check (credential in ('chosen', 'awaiting_temporary', 'temporary')),
    password_hash text, -- Argon2id, in PHC form
    strikes integer check (strikes between 0 and 65535),
    locked_at integer,
    temporary_from integer,
    temporary_until integer,
    created_at integer not null,
    changed_at integer not null,
    check ((status = 'disabled') = (disabled_at is not null) and (disabled_at is null) = (disabled_by is null)),
    check ((credential = 'awaiting_temporary') = (password_hash is null)),
    check ((credential = 'chosen') = (strikes is not null) and (credential = 'chosen' or locked_at is null)),
    check ((credential = 'temporary') = (temporary_from is not null)),
    check ((temporary_from is null) = (temporary_until is null))
) strict;
create index acceso_users_by_email on acceso_users (email_key);

create table acceso_registrations (
    number integer primary key, -- the order of arrival
    id blob not null unique check (length(id) = 16),
    username text not null,
    email_key text not null,
    email text not null,
    full_name text not null,
    password_hash text not null,
    language text not null check (language in ('es', 'en')),
    registered_at integer not null,
    expires_at integer not null
) strict;
create index acceso_registrations_by_email on acceso_registrations (email_key, registered_at, number);
create index acceso_registrations_by_email_and_name
    on acceso_registrations (email_key, username, registered_at, number);
create index acceso_registrations_by_end on acceso_registrations (expires_at);

create table acceso_mailboxes (
    id blob not null primary key check (length(id) = 16),
    version integer not null check (version > 0),
    email_key text not null unique,
    email text not null,
    last_link_ends integer,
    purge_from integer, -- when purge looks at it; null while it was seen to have a user
    entries text not null check (json_type(entries) = 'array') -- mails lately sent there, links as digests
) strict;
create index acceso_mailboxes_to_purge on acceso_mailboxes (purge_from) where purge_from is not null;

create table acceso_sessions (
    digest blob not null primary key check (length(digest) = 32), -- SHA-256 of the token, which is kept nowhere
    session_id blob not null check (length(session_id) = 16),
    user_id blob not null check (length(user_id) = 16),
    kind text not null check (kind in ('full', 'must_change_password')),
    remembered integer not null check (remembered in (0, 1)),
    opened_at integer not null,
    last_seen integer not null,
    absolute_end integer not null,
    device text
) strict, without rowid;
create index acceso_sessions_by_user on acceso_sessions (user_id, opened_at);
create index acceso_sessions_by_end on acceso_sessions (absolute_end);

create table acceso_mail (
    id blob not null primary key check (length(id) = 16),
    purpose text not null,
    user_id blob check (length(user_id) = 16), -- to a user, or ...
    generation integer,
    email text, -- ... as typed by a stranger
    username text,
    group_key text not null, -- equal rows are mailed once
    place integer not null, -- in the queue: by due time, and anywhere if typed
    queued_at integer not null,
    due_at integer not null,
    attempts integer not null check (attempts between 0 and 4294967295),
    lease integer not null check (lease >= 0),
    lease_until integer,
    check ((user_id is null) <> (email is null) and (user_id is null) = (generation is null))
) strict;
create index acceso_mail_by_group on acceso_mail (group_key);
create index acceso_mail_to_users on acceso_mail (place, due_at, group_key) where user_id is not null;
create index acceso_mail_typed on acceso_mail (place, due_at, group_key) where user_id is null;
create index acceso_mail_by_due on acceso_mail (due_at);

create table acceso_events (
    number integer primary key autoincrement, -- none is used again after a purge
    at integer not null,
    kind text not null,
    mail text,
    user_id blob check (length(user_id) = 16),
    address text,
    device text
) strict;
create index acceso_events_by_user on acceso_events (user_id, number) where user_id is not null;
create index acceso_events_by_time on acceso_events (at);
create trigger acceso_events_never_change before update on acceso_events
begin
    select raise(abort, 'events are never changed');
end;
