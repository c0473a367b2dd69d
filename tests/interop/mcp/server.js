// A server of tools by npm's own SDK of MCP, over Streamable HTTP: one tool that
// tells the weather, and one that fails. Prints its port. With JSON=1 it answers
// with documents, else with streams.
'use strict';
const http = require('node:http');
const {randomUUID} = require('node:crypto');
const {McpServer} = require('@modelcontextprotocol/sdk/server/mcp.js');
const {StreamableHTTPServerTransport} =
  require('@modelcontextprotocol/sdk/server/streamableHttp.js');
const {z} = require('zod');

const sessions = new Map();

function tools() {
  const server = new McpServer({name: 'weather-desk', version: '2.1.0'});
  server.registerTool('weather', {description: 'The weather in a city',
    inputSchema: {city: z.string()}},
  async ({city}) => ({content: [{type: 'text', text: `Rain in ${city}`}]}));
  server.registerTool('broken', {description: 'Always fails', inputSchema: {}},
    async () => ({isError: true, content: [{type: 'text', text: 'no desk'}]}));
  return server;
}

async function begin() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: process.env.JSON === '1',
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  await tools().connect(transport);
  return transport;
}

http.createServer(async (request, response) => {
  const known = sessions.get(request.headers['mcp-session-id']);
  await (known ?? await begin()).handleRequest(request, response);
}).listen(0, '127.0.0.1', function () {
  console.log(this.address().port);
});
