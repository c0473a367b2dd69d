// A server of tools by npm's own SDK of MCP, over Streamable HTTP: one tool that
// tells the weather, one that fails, one whose stream it lets go of, and one that
// is a task. Prints its port. With JSON=1 it answers with documents, else with
// streams.
'use strict';
const http = require('node:http');
const {randomUUID} = require('node:crypto');
const {McpServer} = require('@modelcontextprotocol/sdk/server/mcp.js');
const {StreamableHTTPServerTransport} =
  require('@modelcontextprotocol/sdk/server/streamableHttp.js');
const {InMemoryTaskStore} =
  require('@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js');
const {InMemoryEventStore} =
  require('@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js');
const {z} = require('zod');

const sessions = new Map();
const rain = (city) => ({content: [{type: 'text', text: `Rain in ${city}`}]});
const wait = () => new Promise((done) => setTimeout(done, 200));

function tools() {
  const taskStore = new InMemoryTaskStore();
  const server = new McpServer({name: 'weather-desk', version: '2.1.0'},
    {taskStore, capabilities: {tasks: {requests: {tools: {call: {}}}}}});
  server.registerTool('weather', {description: 'The weather in a city',
    inputSchema: {city: z.string()}},
  async ({city}) => rain(city));
  server.registerTool('broken', {description: 'Always fails', inputSchema: {}},
    async () => ({isError: true, content: [{type: 'text', text: 'no desk'}]}));
  if (process.env.LATE !== '1')
    return server;
  server.registerTool('slow', {inputSchema: {city: z.string()}},
    async ({city}, {closeSSEStream}) => {
      closeSSEStream();
      await wait();
      return rain(city);
    });
  server.experimental.tasks.registerToolTask('long', {
    inputSchema: {city: z.string()}}, {
    async createTask({city}, {taskStore, taskRequestedTtl}) {
      const task = await taskStore.createTask({ttl: taskRequestedTtl});
      wait().then(() => taskStore.storeTaskResult(
        task.taskId, 'completed', rain(city)));
      return {task};
    },
    getTask: (_, {taskId, taskStore}) => taskStore.getTask(taskId),
    getTaskResult: (_, {taskId, taskStore}) => taskStore.getTaskResult(taskId),
  });
  return server;
}

async function begin() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: process.env.JSON === '1',
    eventStore: process.env.LATE === '1' ? new InMemoryEventStore() : undefined,
    retryInterval: 10,
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
