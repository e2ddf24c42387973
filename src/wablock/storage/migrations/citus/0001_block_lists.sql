-- After the migration of the same number, where the citus extension is there.
-- One table after the other: whichever was made a moment ago is seen by the next on the same connection.

SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

SELECT create_reference_table('account');
SELECT create_reference_table('account_list');
SELECT create_reference_table('access_token');
SELECT create_reference_table('identity_alias');

-- A number's own list has the number's id, so whatever belongs to it lies together.
SELECT create_distributed_table('block_list', 'list_id');
SELECT create_distributed_table('blocked_user', 'list_id', colocate_with => 'block_list');
SELECT create_distributed_table('phone_number', 'phone_number_id', colocate_with => 'block_list');
SELECT create_distributed_table('last_inbound', 'phone_number_id', colocate_with => 'block_list');
SELECT create_distributed_table('downstream', 'phone_number_id', colocate_with => 'block_list');
SELECT create_distributed_table('upstream', 'phone_number_id', colocate_with => 'block_list');
