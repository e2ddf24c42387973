<?php
// What PHP itself makes of a request: its query, its form, its parts; and of its JSON object, as a script reads it.
$type = strtolower(trim(explode(';', $_SERVER['CONTENT_TYPE'] ?? '')[0]));
$body = file_get_contents('php://input');
$read = [$_GET, $_POST, $_REQUEST];
if ($type === 'application/x-www-form-urlencoded') {
    parse_str($body, $form);
    $read[] = $form;
}
if ($type === 'application/json') {
    $read[] = json_decode($body, true);
}
header('Content-Type: application/json');
echo json_encode($read, JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR | JSON_FORCE_OBJECT);
