<?php
// usage: php client.php URL TOKEN CASE: one request of PHP's curl extension or of its streams.
[, $url, $token, $name] = $argv;
[$library, $method, $kind] = explode("-", $name . "-");
$users = '{"messaging_product":"whatsapp","block_users":[{"user":"+16505550101"}]}';
$headers = ["Authorization: Bearer $token"];
if ($method !== "GET") {
    $headers[] = "Content-Type: application/json";
}

if ($library === "curl") {
    $curl = curl_init($url);
    curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
    curl_setopt($curl, CURLOPT_HTTPHEADER, $headers);
    if ($method !== "GET") {
        curl_setopt($curl, CURLOPT_CUSTOMREQUEST, $method);
        curl_setopt($curl, CURLOPT_POSTFIELDS, $users);
    }
    curl_exec($curl);
} else {
    $options = ["method" => $method, "header" => implode("\r\n", $headers), "ignore_errors" => true];
    if ($method !== "GET") {
        $options["content"] = $users;
    }
    if ($kind === "http10") {
        $options["protocol_version"] = 1.0;
    }
    file_get_contents($url, false, stream_context_create(["http" => $options]));
}
