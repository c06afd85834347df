import "reflect-metadata";
import { randomUUID, timingSafeEqual } from "node:crypto";
import {
  Body, CanActivate, Controller, ExecutionContext, Get, HttpCode, Injectable, Module, NotFoundException, Param, Post, Req,
  UnauthorizedException, UseGuards,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { WebSocketServer } from "ws";
import { health } from "./health.js";
import { origins } from "./origins.js";
import { settings } from "./settings.js";
import { bearer, tokenOf } from "./token.js";

type Asked = { headers: Record<string, string | undefined>; user: string };
type Session = { id: string; user: string; mood: string };

// Of this container alone: a sample has no database.
const sessions = new Map<string, Session>();

@Injectable()
class LoggedIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Asked>();
    request.user = bearer(request.headers.authorization ?? "");
    if (!request.user) throw new UnauthorizedException();
    return true;
  }
}

function isRight(password: unknown): boolean {
  const given = Buffer.from(String(password ?? ""));
  const wanted = Buffer.from(settings.password);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

@Controller("api/v1")
class Api {
  @Get("health")
  health() {
    return health();
  }

  @Post("auth/login")
  @HttpCode(200)
  logIn(@Body() asked: { user?: string; password?: string }) {
    if (!asked?.user || !isRight(asked.password)) throw new UnauthorizedException();
    return { token: tokenOf(asked.user) };
  }

  @Post("sessions")
  @UseGuards(LoggedIn)
  begin(@Req() request: Asked, @Body() asked: { mood?: string }) {
    const session = { id: randomUUID(), user: request.user, mood: String(asked?.mood ?? "") };
    sessions.set(session.id, session);
    // The oldest go: this is memory.
    for (const id of [...sessions.keys()].slice(0, -1000)) sessions.delete(id);
    return session;
  }

  @Get("sessions/:id")
  @UseGuards(LoggedIn)
  show(@Req() request: Asked, @Param("id") id: string) {
    const session = sessions.get(id);
    if (session?.user !== request.user) throw new NotFoundException();
    return session;
  }

  @Get("me")
  @UseGuards(LoggedIn)
  me(@Req() request: Asked) {
    return { user: request.user };
  }
}

@Module({ controllers: [Api], providers: [LoggedIn] })
class App {}

const app = await NestFactory.create(App, { logger: ["error", "warn"] });
app.enableCors({
  origin: origins(),
  methods: ["GET", "POST"],
  allowedHeaders: ["authorization", "content-type"],
  credentials: true,
  maxAge: 600,
});
app.enableShutdownHooks();
await app.listen(4000, "0.0.0.0");

// Says back what it hears, until there is more to say.
const live = new WebSocketServer({ server: app.getHttpServer(), path: "/live", maxPayload: 4096 });
live.on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));
process.once("SIGTERM", () => live.clients.forEach((socket) => socket.close(1001)));
