// What Express and its usual parsers make of a request: its query, its form, its parts, its JSON object.
import { createRequire } from 'node:module'

const installed = createRequire(process.argv[2] + '/')
const express = installed('express')
const multer = installed('multer')

const app = express()
app.use(express.json())
app.use(express.urlencoded({ extended: true }))
app.use(multer().any())
app.use((request, response) => {
  const merged = Object.assign({}, request.query, request.body)
  response.json([request.query, request.body ?? {}, { to: merged.to, recipient: merged.recipient }])
})
app.use((error, request, response, next) => response.json([request.query ?? {}]))
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
