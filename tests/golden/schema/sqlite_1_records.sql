CREATE TABLE acceso_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
insert into acceso_events values (1, 1768478400000, 'registration_received', NULL, NULL, '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (2, 1768478400000, 'mail_sent', 'confirm_registration', NULL, NULL, NULL);
insert into acceso_events values (3, 1768478400000, 'registration_confirmed', NULL, X'1307DCE908776DF22875D99E1C0DE91F', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (4, 1768478400000, 'mail_sent', 'registration_confirmed', X'1307DCE908776DF22875D99E1C0DE91F', NULL, NULL);
insert into acceso_events values (5, 1768478400000, 'registration_received', NULL, NULL, '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (6, 1768478400000, 'mail_sent', 'confirm_registration', NULL, NULL, NULL);
insert into acceso_events values (7, 1768478400000, 'registration_confirmed', NULL, X'DF4BE38EC807C4DC1154804C2A7F8CF6', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (8, 1768478400000, 'mail_sent', 'registration_confirmed', X'DF4BE38EC807C4DC1154804C2A7F8CF6', NULL, NULL);
insert into acceso_events values (9, 1768478400000, 'registration_received', NULL, NULL, '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (10, 1768478400000, 'mail_sent', 'confirm_registration', NULL, NULL, NULL);
insert into acceso_events values (11, 1768478400000, 'registration_confirmed', NULL, X'93C994356709EC9CF663D2467F84914F', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (12, 1768478400000, 'mail_sent', 'registration_confirmed', X'93C994356709EC9CF663D2467F84914F', NULL, NULL);
insert into acceso_events values (13, 1768478400000, 'registration_received', NULL, NULL, '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (14, 1768478400000, 'mail_sent', 'confirm_registration', NULL, NULL, NULL);
insert into acceso_events values (15, 1768478400000, 'registration_confirmed', NULL, X'10CD8A7EE214171F6273153E6BEDB292', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (16, 1768478400000, 'mail_sent', 'registration_confirmed', X'10CD8A7EE214171F6273153E6BEDB292', NULL, NULL);
insert into acceso_events values (17, 1768478400000, 'registration_received', NULL, NULL, '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (18, 1768478400000, 'mail_sent', 'confirm_registration', NULL, NULL, NULL);
insert into acceso_events values (19, 1768478400000, 'registration_confirmed', NULL, X'AF533A82237FE579F4D4E0B5A656513B', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (20, 1768478400000, 'mail_sent', 'registration_confirmed', X'AF533A82237FE579F4D4E0B5A656513B', NULL, NULL);
insert into acceso_events values (21, 1768478400000, 'signed_in', NULL, X'1307DCE908776DF22875D99E1C0DE91F', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (22, 1768478400000, 'login_wrong_password', NULL, X'DF4BE38EC807C4DC1154804C2A7F8CF6', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (23, 1768478400000, 'login_wrong_password', NULL, X'DF4BE38EC807C4DC1154804C2A7F8CF6', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (24, 1768478400000, 'login_wrong_password', NULL, X'DF4BE38EC807C4DC1154804C2A7F8CF6', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (25, 1768478400000, 'login_wrong_password', NULL, X'DF4BE38EC807C4DC1154804C2A7F8CF6', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (26, 1768478400000, 'login_locked', NULL, X'DF4BE38EC807C4DC1154804C2A7F8CF6', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (27, 1768478400000, 'mail_sent', 'user_locked', X'DF4BE38EC807C4DC1154804C2A7F8CF6', NULL, NULL);
insert into acceso_events values (28, 1768478400000, 'recovery_requested', NULL, NULL, '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (29, 1768478400000, 'mail_sent', 'confirm_recovery', X'93C994356709EC9CF663D2467F84914F', NULL, NULL);
insert into acceso_events values (30, 1768478400000, 'recovery_confirmed', NULL, X'93C994356709EC9CF663D2467F84914F', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (31, 1768478400000, 'mail_sent', 'temporary_password', X'93C994356709EC9CF663D2467F84914F', NULL, NULL);
insert into acceso_events values (32, 1768478400000, 'signed_in_temporarily', NULL, X'93C994356709EC9CF663D2467F84914F', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (33, 1768478400000, 'user_disabled', NULL, X'10CD8A7EE214171F6273153E6BEDB292', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (34, 1768478400000, 'recovery_requested', NULL, NULL, '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (35, 1768478400000, 'mail_sent', 'confirm_recovery', X'AF533A82237FE579F4D4E0B5A656513B', NULL, NULL);
insert into acceso_events values (36, 1768478460000, 'recovery_confirmed', NULL, X'AF533A82237FE579F4D4E0B5A656513B', '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (37, 1768478460000, 'registration_received', NULL, NULL, '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_events values (38, 1768478460000, 'recovery_requested', NULL, NULL, '192.0.2.7', 'Navegador «ñandú»');
insert into acceso_mail values (X'073C589FB1EC29F1B9956B461B6120A2', 'temporary_password', X'AF533A82237FE579F4D4E0B5A656513B', 2, NULL, NULL, 'temporary_password af533a82237fe579f4d4e0b5a656513b 2', 1768478460000, 1768478460000, 1768478460000, 0, 0, NULL);
insert into acceso_mail values (X'F96657AE94CF19808CC53F25F07A20C6', 'confirm_registration', NULL, NULL, 'nadie@example.org', NULL, 'confirm_registration nadie@example.org', 4013583050319809098, 1768478460000, 1768478460000, 0, 0, NULL);
insert into acceso_mail values (X'77560F3AA18E5C52B2E6782A718A52C1', 'confirm_recovery', NULL, NULL, 'ana.pena@example.org', 'anapena', 'confirm_recovery ana.pena@example.org anapena', 4763020578459718572, 1768478460000, 1768478460000, 0, 0, NULL);
insert into acceso_mailboxes values (X'515C31F8519DCB5DB33AE203C1D74E1E', 3, 'ana.pena@example.org', 'ana.pena@example.org', NULL, -9223372036854775808, '[]');
insert into acceso_mailboxes values (X'0AF4D9D8661A9F049C5A100B6C56A2B3', 5, 'bea.sosa@example.org', 'bea.sosa@example.org', NULL, -9223372036854775808, '[{"purpose":"user_locked","user":"df4be38ec807c4dc1154804c2a7f8cf6","intent":"0f6145c5c242df8a9dce8ea3c2a0380f","minted_at":1768478400000,"handed":true,"link":null}]');
insert into acceso_mailboxes values (X'BEB58CBB7484908AE8FF86A82F83F26E', 6, 'carla.paz@example.org', 'carla.paz@example.org', NULL, -9223372036854775808, '[]');
insert into acceso_mailboxes values (X'E8A58728BF86A13135F011043A1C2ACD', 3, 'dora.gil@example.org', 'dora.gil@example.org', NULL, -9223372036854775808, '[]');
insert into acceso_mailboxes values (X'AF12AB0CACCB6AD2507A60C2AC4EAE8E', 6, 'elisa.rey@example.org', 'elisa.rey@example.org', NULL, -9223372036854775808, '[]');
insert into acceso_migrations values (1, 'accounts', '2026-11-25 19:16:17', 1, X'CF13DC4462BBE9CDE445DCAA1EB3E17D670636F2AC498570819351EA76C5AC79BB2C34AD6E044D12F1563ED2DCB65123', 3175620);
insert into acceso_registrations values (1, X'274ADDAF847E9AEB6AE9DF264B53FB1C', 'nadie', 'nadie@example.org', 'nadie@example.org', 'Nombre Apellido', '$argon2id$v=19$m=32,t=1,p=1$QZsMX3NJwtU7lliBRZQI0A$PEVAqoLdqLxSvh+8TE7pLfb8NiyLzFIkwvSL56f2tkc', 'es', 1768478460000, 1768564860000);
insert into acceso_sessions values (X'56D66715E93D050D1A9DCE991975A99B7B23B976572E9CD833BC72009265A748', X'97E53BB59B61B9502ED6347409D595EA', X'1307DCE908776DF22875D99E1C0DE91F', 'full', 0, 1768478400000, 1768478400000, 1768521600000, 'Navegador «ñandú»');
insert into acceso_sessions values (X'9E3B302020AE19C49B825B59F33ABDEB78D73053F47C0CEAC9624A8A90B4597F', X'682B13E6475006E4CB4F949B2626B647', X'93C994356709EC9CF663D2467F84914F', 'must_change_password', 0, 1768478400000, 1768478400000, 1768479300000, 'Navegador «ñandú»');
insert into acceso_users values (X'1307DCE908776DF22875D99E1C0DE91F', 1, 1, 'anapena', 'ana.pena@example.org', 'ana.pena@example.org', 'Nombre Apellido', '["pac-0001"]', 'es', 'active', NULL, NULL, 'chosen', '$argon2id$v=19$m=32,t=1,p=1$HygaTgeW+2CmGshGXt4Ivg$CCYhDv5EvQk5EH7bOhMzn+r+zUN1MciFTnSIZjkpCYI', 0, NULL, NULL, NULL, 1768478400000, 1768478400000);
insert into acceso_users values (X'DF4BE38EC807C4DC1154804C2A7F8CF6', 6, 1, 'beasosa', 'bea.sosa@example.org', 'bea.sosa@example.org', 'Nombre Apellido', '["pac-0002"]', 'es', 'active', NULL, NULL, 'chosen', '$argon2id$v=19$m=32,t=1,p=1$aNCTVk30cLkVHoYCSERSBw$+0RpBRiHeRTzRn9cBPJCwS4DP5kPfpxEgL+x1UCWk/Y', 5, 1768478400000, NULL, NULL, 1768478400000, 1768478400000);
insert into acceso_users values (X'93C994356709EC9CF663D2467F84914F', 3, 2, 'carlapaz', 'carla.paz@example.org', 'carla.paz@example.org', 'Nombre Apellido', '["pac-0003"]', 'es', 'active', NULL, NULL, 'temporary', '$argon2id$v=19$m=32,t=1,p=1$9cMhmpcw5ylXu6JRDSj1Ww$UzxrLW1KvVZAHTFudjKNWzztYZ50ZlmM4iFIAmwmSGE', NULL, NULL, 1768478400000, 1768482000000, 1768478400000, 1768478400000);
insert into acceso_users values (X'10CD8A7EE214171F6273153E6BEDB292', 2, 2, 'doragil', 'dora.gil@example.org', 'dora.gil@example.org', 'Nombre Apellido', '["pac-0004"]', 'es', 'disabled', 1768478400000, 'clinic', 'chosen', '$argon2id$v=19$m=32,t=1,p=1$ZNAcuqcGtB+ULdZyGZmoJQ$RigBLoTZJqw/clt3DzKS4Hu3mYwpyKSAE1DgxyQr4Wc', 0, NULL, NULL, NULL, 1768478400000, 1768478400000);
insert into acceso_users values (X'AF533A82237FE579F4D4E0B5A656513B', 2, 2, 'elisarey', 'elisa.rey@example.org', 'elisa.rey@example.org', 'Nombre Apellido', '["pac-0005"]', 'es', 'active', NULL, NULL, 'awaiting_temporary', NULL, NULL, NULL, NULL, NULL, 1768478400000, 1768478460000);
