// usage: java Client.java URL TOKEN CASE: one request of java.net.http.HttpClient or HttpURLConnection.
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;

public class Client {
    static final byte[] USERS =
        "{\"messaging_product\":\"whatsapp\",\"block_users\":[{\"user\":\"+16505550101\"}]}"
            .getBytes(StandardCharsets.UTF_8);

    public static void main(String[] arguments) throws Exception {
        String[] name = arguments[2].split("-");
        String kind = name.length > 2 ? name[2] : "";
        if (name[0].equals("httpclient")) {
            client(arguments[0], arguments[1], name[1], kind);
        } else {
            connection(arguments[0], arguments[1], name[1], kind);
        }
    }

    static void client(String url, String token, String method, String kind) throws Exception {
        HttpClient.Builder client = HttpClient.newBuilder();
        if (kind.equals("http1")) client.version(HttpClient.Version.HTTP_1_1);
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url))
            .header("Authorization", "Bearer " + token)
            .expectContinue(kind.equals("expect"));
        if (method.equals("GET")) {
            request.GET();
        } else {
            request.header("Content-Type", "application/json");
            request.method(method, kind.equals("chunked")
                ? BodyPublishers.fromPublisher(BodyPublishers.ofByteArray(USERS))
                : BodyPublishers.ofByteArray(USERS));
        }
        client.build().send(request.build(), BodyHandlers.ofString());
    }

    static void connection(String url, String token, String method, String kind) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) new URL(url).openConnection();
        connection.setRequestMethod(method);
        connection.setRequestProperty("Authorization", "Bearer " + token);
        if (kind.equals("chunked")) connection.setChunkedStreamingMode(16);
        if (!method.equals("GET")) {
            connection.setDoOutput(true);
            connection.setRequestProperty("Content-Type", "application/json");
            connection.getOutputStream().write(USERS);
        }
        connection.getInputStream().readAllBytes();
    }
}
