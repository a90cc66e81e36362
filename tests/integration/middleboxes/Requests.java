// Asks a proxy with Java's own HTTP client, which asks each server for HTTP/2 with its first request.
// Arguments: the URL of the API, and how many requests to send.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

public class Requests {
    public static void main(String[] arguments) throws Exception {
        var client = HttpClient.newHttpClient();
        var count = Integer.parseInt(arguments[1]);
        for (var number = 0; number < count; number++) {
            var isPost = number % 2 == 0;
            var request = HttpRequest.newBuilder()
                .uri(URI.create(arguments[0] + (isPost ? "identities/" : "flags/")))
                .timeout(Duration.ofSeconds(30))
                .header("X-Environment-Key", "test")
                .header("Content-Type", "application/json");
            if (isPost) {
                request.POST(BodyPublishers.ofString("{\"identifier\":\"alice\"}"));
            }
            var response = client.send(request.build(), BodyHandlers.ofString());
            var expected = isPost ? "hello alice" : "hello";
            if (response.statusCode() != 200 || !response.body().contains(expected)) {
                throw new Exception(number + ": " + response + " " + response.body());
            }
        }
        System.out.println(count + " answers");
    }
}
