// Client BASE: three calls, the last with a body of 300 KB.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Client {
    public static void main(String[] args) throws Exception {
        var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        for (int i = 0; i < 3; i++)
            System.out.println(client.send(
                HttpRequest.newBuilder(URI.create(args[0] + "/v1/chat/completions"))
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(
                        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\""
                        + "hi ".repeat(i == 2 ? 100000 : 1) + "\"}]}")).build(),
                HttpResponse.BodyHandlers.ofString()).body().length() > 0);
    }
}
