// SPDX-License-Identifier: Apache-2.0
// Generated from proto/federation/ by packages/wire/scripts/generate.mjs: do not edit.
import * as $protobuf from "protobufjs/minimal.js";

/** Namespace oap. */
export namespace oap {

    /** Namespace federation. */
    namespace federation {

        /** Namespace v1. */
        namespace v1 {

            /**
             * Properties of a ClientFrame.
             * @deprecated Use oap.federation.v1.ClientFrame.$Properties instead.
             */
            interface IClientFrame extends oap.federation.v1.ClientFrame.$Properties {
            }

            /** Represents a ClientFrame. */
            class ClientFrame {

                /**
                 * Constructs a new ClientFrame.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.ClientFrame.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** ClientFrame hello. */
                hello?: (oap.federation.v1.Hello.$Properties|null);

                /** ClientFrame openLog. */
                openLog?: (oap.federation.v1.OpenLog.$Properties|null);

                /** ClientFrame batch. */
                batch?: (oap.federation.v1.Batch.$Properties|null);

                /** ClientFrame heartbeat. */
                heartbeat?: (oap.federation.v1.Heartbeat.$Properties|null);

                /** ClientFrame tierPath. */
                tierPath?: (oap.federation.v1.TierPath.$Properties|null);

                /** ClientFrame fragment. */
                fragment?: (oap.federation.v1.Fragment.$Properties|null);

                /** ClientFrame frame. */
                frame?: ("hello"|"openLog"|"batch"|"heartbeat"|"tierPath"|"fragment");

                /**
                 * Encodes the specified ClientFrame message. Does not implicitly {@link oap.federation.v1.ClientFrame.verify|verify} messages.
                 * @param message ClientFrame message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.ClientFrame.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a ClientFrame message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.ClientFrame & oap.federation.v1.ClientFrame.$Shape} ClientFrame
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.ClientFrame & oap.federation.v1.ClientFrame.$Shape;
            }

            namespace ClientFrame {

                /** Properties of a ClientFrame. */
                interface $Properties {

                    /** ClientFrame hello */
                    hello?: (oap.federation.v1.Hello.$Properties|null);

                    /** ClientFrame openLog */
                    openLog?: (oap.federation.v1.OpenLog.$Properties|null);

                    /** ClientFrame batch */
                    batch?: (oap.federation.v1.Batch.$Properties|null);

                    /** ClientFrame heartbeat */
                    heartbeat?: (oap.federation.v1.Heartbeat.$Properties|null);

                    /** ClientFrame tierPath */
                    tierPath?: (oap.federation.v1.TierPath.$Properties|null);

                    /** ClientFrame fragment */
                    fragment?: (oap.federation.v1.Fragment.$Properties|null);

                    /** ClientFrame frame */
                    frame?: ("hello"|"openLog"|"batch"|"heartbeat"|"tierPath"|"fragment");

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Narrowed shape of a ClientFrame. */
                type $Shape = {
                  hello?: oap.federation.v1.Hello.$Shape|null;
                  openLog?: oap.federation.v1.OpenLog.$Shape|null;
                  batch?: oap.federation.v1.Batch.$Shape|null;
                  heartbeat?: oap.federation.v1.Heartbeat.$Shape|null;
                  tierPath?: oap.federation.v1.TierPath.$Shape|null;
                  fragment?: oap.federation.v1.Fragment.$Shape|null;
                  $unknowns?: Uint8Array[];
                } & (
                  ({ frame?: undefined; hello?: null; openLog?: null; batch?: null; heartbeat?: null; tierPath?: null; fragment?: null }|{ frame?: "hello"; hello: oap.federation.v1.Hello.$Shape; openLog?: null; batch?: null; heartbeat?: null; tierPath?: null; fragment?: null }|{ frame?: "openLog"; hello?: null; openLog: oap.federation.v1.OpenLog.$Shape; batch?: null; heartbeat?: null; tierPath?: null; fragment?: null }|{ frame?: "batch"; hello?: null; openLog?: null; batch: oap.federation.v1.Batch.$Shape; heartbeat?: null; tierPath?: null; fragment?: null }|{ frame?: "heartbeat"; hello?: null; openLog?: null; batch?: null; heartbeat: oap.federation.v1.Heartbeat.$Shape; tierPath?: null; fragment?: null }|{ frame?: "tierPath"; hello?: null; openLog?: null; batch?: null; heartbeat?: null; tierPath: oap.federation.v1.TierPath.$Shape; fragment?: null }|{ frame?: "fragment"; hello?: null; openLog?: null; batch?: null; heartbeat?: null; tierPath?: null; fragment: oap.federation.v1.Fragment.$Shape })
                );
            }

            /**
             * Properties of a ServerFrame.
             * @deprecated Use oap.federation.v1.ServerFrame.$Properties instead.
             */
            interface IServerFrame extends oap.federation.v1.ServerFrame.$Properties {
            }

            /** Represents a ServerFrame. */
            class ServerFrame {

                /**
                 * Constructs a new ServerFrame.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.ServerFrame.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** ServerFrame creditLimit. */
                creditLimit: number;

                /** ServerFrame welcome. */
                welcome?: (oap.federation.v1.Welcome.$Properties|null);

                /** ServerFrame refused. */
                refused?: (oap.federation.v1.Refused.$Properties|null);

                /** ServerFrame ack. */
                ack?: (oap.federation.v1.Ack.$Properties|null);

                /** ServerFrame nack. */
                nack?: (oap.federation.v1.Nack.$Properties|null);

                /** ServerFrame logOpened. */
                logOpened?: (oap.federation.v1.LogOpened.$Properties|null);

                /** ServerFrame slotMap. */
                slotMap?: (oap.federation.v1.SlotMap.$Properties|null);

                /** ServerFrame heartbeat. */
                heartbeat?: (oap.federation.v1.Heartbeat.$Properties|null);

                /** ServerFrame frame. */
                frame?: ("welcome"|"refused"|"ack"|"nack"|"logOpened"|"slotMap"|"heartbeat");

                /**
                 * Encodes the specified ServerFrame message. Does not implicitly {@link oap.federation.v1.ServerFrame.verify|verify} messages.
                 * @param message ServerFrame message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.ServerFrame.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a ServerFrame message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.ServerFrame & oap.federation.v1.ServerFrame.$Shape} ServerFrame
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.ServerFrame & oap.federation.v1.ServerFrame.$Shape;
            }

            namespace ServerFrame {

                /** Properties of a ServerFrame. */
                interface $Properties {

                    /** ServerFrame creditLimit */
                    creditLimit?: (number|null);

                    /** ServerFrame welcome */
                    welcome?: (oap.federation.v1.Welcome.$Properties|null);

                    /** ServerFrame refused */
                    refused?: (oap.federation.v1.Refused.$Properties|null);

                    /** ServerFrame ack */
                    ack?: (oap.federation.v1.Ack.$Properties|null);

                    /** ServerFrame nack */
                    nack?: (oap.federation.v1.Nack.$Properties|null);

                    /** ServerFrame logOpened */
                    logOpened?: (oap.federation.v1.LogOpened.$Properties|null);

                    /** ServerFrame slotMap */
                    slotMap?: (oap.federation.v1.SlotMap.$Properties|null);

                    /** ServerFrame heartbeat */
                    heartbeat?: (oap.federation.v1.Heartbeat.$Properties|null);

                    /** ServerFrame frame */
                    frame?: ("welcome"|"refused"|"ack"|"nack"|"logOpened"|"slotMap"|"heartbeat");

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Narrowed shape of a ServerFrame. */
                type $Shape = {
                  creditLimit?: number|null;
                  welcome?: oap.federation.v1.Welcome.$Shape|null;
                  refused?: oap.federation.v1.Refused.$Shape|null;
                  ack?: oap.federation.v1.Ack.$Shape|null;
                  nack?: oap.federation.v1.Nack.$Shape|null;
                  logOpened?: oap.federation.v1.LogOpened.$Shape|null;
                  slotMap?: oap.federation.v1.SlotMap.$Shape|null;
                  heartbeat?: oap.federation.v1.Heartbeat.$Shape|null;
                  $unknowns?: Uint8Array[];
                } & (
                  ({ frame?: undefined; welcome?: null; refused?: null; ack?: null; nack?: null; logOpened?: null; slotMap?: null; heartbeat?: null }|{ frame?: "welcome"; welcome: oap.federation.v1.Welcome.$Shape; refused?: null; ack?: null; nack?: null; logOpened?: null; slotMap?: null; heartbeat?: null }|{ frame?: "refused"; welcome?: null; refused: oap.federation.v1.Refused.$Shape; ack?: null; nack?: null; logOpened?: null; slotMap?: null; heartbeat?: null }|{ frame?: "ack"; welcome?: null; refused?: null; ack: oap.federation.v1.Ack.$Shape; nack?: null; logOpened?: null; slotMap?: null; heartbeat?: null }|{ frame?: "nack"; welcome?: null; refused?: null; ack?: null; nack: oap.federation.v1.Nack.$Shape; logOpened?: null; slotMap?: null; heartbeat?: null }|{ frame?: "logOpened"; welcome?: null; refused?: null; ack?: null; nack?: null; logOpened: oap.federation.v1.LogOpened.$Shape; slotMap?: null; heartbeat?: null }|{ frame?: "slotMap"; welcome?: null; refused?: null; ack?: null; nack?: null; logOpened?: null; slotMap: oap.federation.v1.SlotMap.$Shape; heartbeat?: null }|{ frame?: "heartbeat"; welcome?: null; refused?: null; ack?: null; nack?: null; logOpened?: null; slotMap?: null; heartbeat: oap.federation.v1.Heartbeat.$Shape })
                );
            }

            /**
             * Properties of a Hello.
             * @deprecated Use oap.federation.v1.Hello.$Properties instead.
             */
            interface IHello extends oap.federation.v1.Hello.$Properties {
            }

            /** Represents a Hello. */
            class Hello {

                /**
                 * Constructs a new Hello.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.Hello.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Hello protocolVersion. */
                protocolVersion: number;

                /** Hello tier. */
                tier: string;

                /** Hello tierPath. */
                tierPath: string[];

                /** Hello slots. */
                slots: number;

                /** Hello instanceId. */
                instanceId: string;

                /** Hello logs. */
                logs: oap.federation.v1.LogOffer.$Properties[];

                /** Hello schemas. */
                schemas: string[];

                /**
                 * Encodes the specified Hello message. Does not implicitly {@link oap.federation.v1.Hello.verify|verify} messages.
                 * @param message Hello message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.Hello.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a Hello message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.Hello & oap.federation.v1.Hello.$Shape} Hello
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.Hello & oap.federation.v1.Hello.$Shape;
            }

            namespace Hello {

                /** Properties of a Hello. */
                interface $Properties {

                    /** Hello protocolVersion */
                    protocolVersion?: (number|null);

                    /** Hello tier */
                    tier?: (string|null);

                    /** Hello tierPath */
                    tierPath?: (string[]|null);

                    /** Hello slots */
                    slots?: (number|null);

                    /** Hello instanceId */
                    instanceId?: (string|null);

                    /** Hello logs */
                    logs?: (oap.federation.v1.LogOffer.$Properties[]|null);

                    /** Hello schemas */
                    schemas?: (string[]|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a Hello. */
                type $Shape = oap.federation.v1.Hello.$Properties;
            }

            /**
             * Properties of a LogOffer.
             * @deprecated Use oap.federation.v1.LogOffer.$Properties instead.
             */
            interface ILogOffer extends oap.federation.v1.LogOffer.$Properties {
            }

            /** Represents a LogOffer. */
            class LogOffer {

                /**
                 * Constructs a new LogOffer.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.LogOffer.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** LogOffer ref. */
                ref: number;

                /** LogOffer logId. */
                logId: string;

                /** LogOffer slot. */
                slot: number;

                /** LogOffer gen. */
                gen: number;

                /** LogOffer nextSeq. */
                nextSeq: number;

                /** LogOffer acknowledgedSeq. */
                acknowledgedSeq: number;

                /** LogOffer chain. */
                chain: Uint8Array;

                /**
                 * Encodes the specified LogOffer message. Does not implicitly {@link oap.federation.v1.LogOffer.verify|verify} messages.
                 * @param message LogOffer message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.LogOffer.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a LogOffer message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.LogOffer & oap.federation.v1.LogOffer.$Shape} LogOffer
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.LogOffer & oap.federation.v1.LogOffer.$Shape;
            }

            namespace LogOffer {

                /** Properties of a LogOffer. */
                interface $Properties {

                    /** LogOffer ref */
                    ref?: (number|null);

                    /** LogOffer logId */
                    logId?: (string|null);

                    /** LogOffer slot */
                    slot?: (number|null);

                    /** LogOffer gen */
                    gen?: (number|null);

                    /** LogOffer nextSeq */
                    nextSeq?: (number|null);

                    /** LogOffer acknowledgedSeq */
                    acknowledgedSeq?: (number|null);

                    /** LogOffer chain */
                    chain?: (Uint8Array|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a LogOffer. */
                type $Shape = oap.federation.v1.LogOffer.$Properties;
            }

            /**
             * Properties of a LogMark.
             * @deprecated Use oap.federation.v1.LogMark.$Properties instead.
             */
            interface ILogMark extends oap.federation.v1.LogMark.$Properties {
            }

            /** Represents a LogMark. */
            class LogMark {

                /**
                 * Constructs a new LogMark.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.LogMark.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** LogMark ref. */
                ref: number;

                /** LogMark status. */
                status: number;

                /** LogMark known. */
                known: boolean;

                /** LogMark gen. */
                gen: number;

                /** LogMark seq. */
                seq: number;

                /** LogMark chain. */
                chain: Uint8Array;

                /** LogMark detail. */
                detail: string;

                /** LogMark ownerAddress. */
                ownerAddress: string;

                /** LogMark increments. */
                increments: number;

                /** LogMark frontier. */
                frontier: oap.federation.v1.LogPosition.$Properties[];

                /**
                 * Encodes the specified LogMark message. Does not implicitly {@link oap.federation.v1.LogMark.verify|verify} messages.
                 * @param message LogMark message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.LogMark.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a LogMark message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.LogMark & oap.federation.v1.LogMark.$Shape} LogMark
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.LogMark & oap.federation.v1.LogMark.$Shape;
            }

            namespace LogMark {

                /** Properties of a LogMark. */
                interface $Properties {

                    /** LogMark ref */
                    ref?: (number|null);

                    /** LogMark status */
                    status?: (number|null);

                    /** LogMark known */
                    known?: (boolean|null);

                    /** LogMark gen */
                    gen?: (number|null);

                    /** LogMark seq */
                    seq?: (number|null);

                    /** LogMark chain */
                    chain?: (Uint8Array|null);

                    /** LogMark detail */
                    detail?: (string|null);

                    /** LogMark ownerAddress */
                    ownerAddress?: (string|null);

                    /** LogMark increments */
                    increments?: (number|null);

                    /** LogMark frontier */
                    frontier?: (oap.federation.v1.LogPosition.$Properties[]|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a LogMark. */
                type $Shape = oap.federation.v1.LogMark.$Properties;
            }

            /**
             * Properties of a LogPosition.
             * @deprecated Use oap.federation.v1.LogPosition.$Properties instead.
             */
            interface ILogPosition extends oap.federation.v1.LogPosition.$Properties {
            }

            /** Represents a LogPosition. */
            class LogPosition {

                /**
                 * Constructs a new LogPosition.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.LogPosition.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** LogPosition logId. */
                logId: string;

                /** LogPosition gen. */
                gen: number;

                /** LogPosition seq. */
                seq: number;

                /**
                 * Encodes the specified LogPosition message. Does not implicitly {@link oap.federation.v1.LogPosition.verify|verify} messages.
                 * @param message LogPosition message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.LogPosition.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a LogPosition message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.LogPosition & oap.federation.v1.LogPosition.$Shape} LogPosition
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.LogPosition & oap.federation.v1.LogPosition.$Shape;
            }

            namespace LogPosition {

                /** Properties of a LogPosition. */
                interface $Properties {

                    /** LogPosition logId */
                    logId?: (string|null);

                    /** LogPosition gen */
                    gen?: (number|null);

                    /** LogPosition seq */
                    seq?: (number|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a LogPosition. */
                type $Shape = oap.federation.v1.LogPosition.$Properties;
            }

            /**
             * Properties of a Welcome.
             * @deprecated Use oap.federation.v1.Welcome.$Properties instead.
             */
            interface IWelcome extends oap.federation.v1.Welcome.$Properties {
            }

            /** Represents a Welcome. */
            class Welcome {

                /**
                 * Constructs a new Welcome.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.Welcome.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Welcome tier. */
                tier: string;

                /** Welcome instanceId. */
                instanceId: string;

                /** Welcome logs. */
                logs: oap.federation.v1.LogMark.$Properties[];

                /** Welcome slotMap. */
                slotMap?: (oap.federation.v1.SlotMap.$Properties|null);

                /** Welcome maxFrameBytes. */
                maxFrameBytes: number;

                /** Welcome maxBatchBytes. */
                maxBatchBytes: number;

                /** Welcome maxDictionaryEntries. */
                maxDictionaryEntries: number;

                /** Welcome refusedMetrics. */
                refusedMetrics: oap.federation.v1.RefusedMetric.$Properties[];

                /**
                 * Encodes the specified Welcome message. Does not implicitly {@link oap.federation.v1.Welcome.verify|verify} messages.
                 * @param message Welcome message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.Welcome.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a Welcome message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.Welcome & oap.federation.v1.Welcome.$Shape} Welcome
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.Welcome & oap.federation.v1.Welcome.$Shape;
            }

            namespace Welcome {

                /** Properties of a Welcome. */
                interface $Properties {

                    /** Welcome tier */
                    tier?: (string|null);

                    /** Welcome instanceId */
                    instanceId?: (string|null);

                    /** Welcome logs */
                    logs?: (oap.federation.v1.LogMark.$Properties[]|null);

                    /** Welcome slotMap */
                    slotMap?: (oap.federation.v1.SlotMap.$Properties|null);

                    /** Welcome maxFrameBytes */
                    maxFrameBytes?: (number|null);

                    /** Welcome maxBatchBytes */
                    maxBatchBytes?: (number|null);

                    /** Welcome maxDictionaryEntries */
                    maxDictionaryEntries?: (number|null);

                    /** Welcome refusedMetrics */
                    refusedMetrics?: (oap.federation.v1.RefusedMetric.$Properties[]|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a Welcome. */
                type $Shape = oap.federation.v1.Welcome.$Properties;
            }

            /**
             * Properties of a RefusedMetric.
             * @deprecated Use oap.federation.v1.RefusedMetric.$Properties instead.
             */
            interface IRefusedMetric extends oap.federation.v1.RefusedMetric.$Properties {
            }

            /** Represents a RefusedMetric. */
            class RefusedMetric {

                /**
                 * Constructs a new RefusedMetric.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.RefusedMetric.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** RefusedMetric schema. */
                schema: string;

                /** RefusedMetric reason. */
                reason: string;

                /**
                 * Encodes the specified RefusedMetric message. Does not implicitly {@link oap.federation.v1.RefusedMetric.verify|verify} messages.
                 * @param message RefusedMetric message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.RefusedMetric.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a RefusedMetric message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.RefusedMetric & oap.federation.v1.RefusedMetric.$Shape} RefusedMetric
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.RefusedMetric & oap.federation.v1.RefusedMetric.$Shape;
            }

            namespace RefusedMetric {

                /** Properties of a RefusedMetric. */
                interface $Properties {

                    /** RefusedMetric schema */
                    schema?: (string|null);

                    /** RefusedMetric reason */
                    reason?: (string|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a RefusedMetric. */
                type $Shape = oap.federation.v1.RefusedMetric.$Properties;
            }

            /**
             * Properties of a SlotMap.
             * @deprecated Use oap.federation.v1.SlotMap.$Properties instead.
             */
            interface ISlotMap extends oap.federation.v1.SlotMap.$Properties {
            }

            /** Represents a SlotMap. */
            class SlotMap {

                /**
                 * Constructs a new SlotMap.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.SlotMap.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** SlotMap nodes. */
                nodes: oap.federation.v1.Node.$Properties[];

                /** SlotMap owners. */
                owners: number[];

                /**
                 * Encodes the specified SlotMap message. Does not implicitly {@link oap.federation.v1.SlotMap.verify|verify} messages.
                 * @param message SlotMap message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.SlotMap.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a SlotMap message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.SlotMap & oap.federation.v1.SlotMap.$Shape} SlotMap
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.SlotMap & oap.federation.v1.SlotMap.$Shape;
            }

            namespace SlotMap {

                /** Properties of a SlotMap. */
                interface $Properties {

                    /** SlotMap nodes */
                    nodes?: (oap.federation.v1.Node.$Properties[]|null);

                    /** SlotMap owners */
                    owners?: (number[]|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a SlotMap. */
                type $Shape = oap.federation.v1.SlotMap.$Properties;
            }

            /**
             * Properties of a Node.
             * @deprecated Use oap.federation.v1.Node.$Properties instead.
             */
            interface INode extends oap.federation.v1.Node.$Properties {
            }

            /** Represents a Node. */
            class Node {

                /**
                 * Constructs a new Node.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.Node.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Node instanceId. */
                instanceId: string;

                /** Node address. */
                address: string;

                /**
                 * Encodes the specified Node message. Does not implicitly {@link oap.federation.v1.Node.verify|verify} messages.
                 * @param message Node message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.Node.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a Node message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.Node & oap.federation.v1.Node.$Shape} Node
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.Node & oap.federation.v1.Node.$Shape;
            }

            namespace Node {

                /** Properties of a Node. */
                interface $Properties {

                    /** Node instanceId */
                    instanceId?: (string|null);

                    /** Node address */
                    address?: (string|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a Node. */
                type $Shape = oap.federation.v1.Node.$Properties;
            }

            /**
             * Properties of a Refused.
             * @deprecated Use oap.federation.v1.Refused.$Properties instead.
             */
            interface IRefused extends oap.federation.v1.Refused.$Properties {
            }

            /** Represents a Refused. */
            class Refused {

                /**
                 * Constructs a new Refused.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.Refused.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Refused code. */
                code: number;

                /** Refused detail. */
                detail: string;

                /** Refused otherHolder. */
                otherHolder: string;

                /**
                 * Encodes the specified Refused message. Does not implicitly {@link oap.federation.v1.Refused.verify|verify} messages.
                 * @param message Refused message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.Refused.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a Refused message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.Refused & oap.federation.v1.Refused.$Shape} Refused
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.Refused & oap.federation.v1.Refused.$Shape;
            }

            namespace Refused {

                /** Properties of a Refused. */
                interface $Properties {

                    /** Refused code */
                    code?: (number|null);

                    /** Refused detail */
                    detail?: (string|null);

                    /** Refused otherHolder */
                    otherHolder?: (string|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a Refused. */
                type $Shape = oap.federation.v1.Refused.$Properties;
            }

            /**
             * Properties of an OpenLog.
             * @deprecated Use oap.federation.v1.OpenLog.$Properties instead.
             */
            interface IOpenLog extends oap.federation.v1.OpenLog.$Properties {
            }

            /** Represents an OpenLog. */
            class OpenLog {

                /**
                 * Constructs a new OpenLog.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.OpenLog.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** OpenLog log. */
                log?: (oap.federation.v1.LogOffer.$Properties|null);

                /**
                 * Encodes the specified OpenLog message. Does not implicitly {@link oap.federation.v1.OpenLog.verify|verify} messages.
                 * @param message OpenLog message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.OpenLog.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes an OpenLog message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.OpenLog & oap.federation.v1.OpenLog.$Shape} OpenLog
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.OpenLog & oap.federation.v1.OpenLog.$Shape;
            }

            namespace OpenLog {

                /** Properties of an OpenLog. */
                interface $Properties {

                    /** OpenLog log */
                    log?: (oap.federation.v1.LogOffer.$Properties|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of an OpenLog. */
                type $Shape = oap.federation.v1.OpenLog.$Properties;
            }

            /**
             * Properties of a LogOpened.
             * @deprecated Use oap.federation.v1.LogOpened.$Properties instead.
             */
            interface ILogOpened extends oap.federation.v1.LogOpened.$Properties {
            }

            /** Represents a LogOpened. */
            class LogOpened {

                /**
                 * Constructs a new LogOpened.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.LogOpened.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** LogOpened mark. */
                mark?: (oap.federation.v1.LogMark.$Properties|null);

                /**
                 * Encodes the specified LogOpened message. Does not implicitly {@link oap.federation.v1.LogOpened.verify|verify} messages.
                 * @param message LogOpened message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.LogOpened.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a LogOpened message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.LogOpened & oap.federation.v1.LogOpened.$Shape} LogOpened
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.LogOpened & oap.federation.v1.LogOpened.$Shape;
            }

            namespace LogOpened {

                /** Properties of a LogOpened. */
                interface $Properties {

                    /** LogOpened mark */
                    mark?: (oap.federation.v1.LogMark.$Properties|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a LogOpened. */
                type $Shape = oap.federation.v1.LogOpened.$Properties;
            }

            /**
             * Properties of a Batch.
             * @deprecated Use oap.federation.v1.Batch.$Properties instead.
             */
            interface IBatch extends oap.federation.v1.Batch.$Properties {
            }

            /** Represents a Batch. */
            class Batch {

                /**
                 * Constructs a new Batch.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.Batch.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Batch log. */
                log: number;

                /** Batch round. */
                round: number;

                /** Batch slot. */
                slot: number;

                /** Batch gen. */
                gen: number;

                /** Batch seq. */
                seq: number;

                /** Batch header. */
                header: Uint8Array;

                /** Batch chain. */
                chain: Uint8Array;

                /** Batch dictionaryReset. */
                dictionaryReset: boolean;

                /** Batch newDescriptors. */
                newDescriptors: Uint8Array[];

                /** Batch entities. */
                entities: number[];

                /** Batch body. */
                body: Uint8Array;

                /**
                 * Encodes the specified Batch message. Does not implicitly {@link oap.federation.v1.Batch.verify|verify} messages.
                 * @param message Batch message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.Batch.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a Batch message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.Batch & oap.federation.v1.Batch.$Shape} Batch
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.Batch & oap.federation.v1.Batch.$Shape;
            }

            namespace Batch {

                /** Properties of a Batch. */
                interface $Properties {

                    /** Batch log */
                    log?: (number|null);

                    /** Batch round */
                    round?: (number|null);

                    /** Batch slot */
                    slot?: (number|null);

                    /** Batch gen */
                    gen?: (number|null);

                    /** Batch seq */
                    seq?: (number|null);

                    /** Batch header */
                    header?: (Uint8Array|null);

                    /** Batch chain */
                    chain?: (Uint8Array|null);

                    /** Batch dictionaryReset */
                    dictionaryReset?: (boolean|null);

                    /** Batch newDescriptors */
                    newDescriptors?: (Uint8Array[]|null);

                    /** Batch entities */
                    entities?: (number[]|null);

                    /** Batch body */
                    body?: (Uint8Array|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a Batch. */
                type $Shape = oap.federation.v1.Batch.$Properties;
            }

            /**
             * Properties of an Ack.
             * @deprecated Use oap.federation.v1.Ack.$Properties instead.
             */
            interface IAck extends oap.federation.v1.Ack.$Properties {
            }

            /** Represents an Ack. */
            class Ack {

                /**
                 * Constructs a new Ack.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.Ack.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Ack log. */
                log: number;

                /** Ack appliedSeq. */
                appliedSeq: number;

                /** Ack stableSeq. */
                stableSeq: number;

                /**
                 * Encodes the specified Ack message. Does not implicitly {@link oap.federation.v1.Ack.verify|verify} messages.
                 * @param message Ack message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.Ack.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes an Ack message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.Ack & oap.federation.v1.Ack.$Shape} Ack
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.Ack & oap.federation.v1.Ack.$Shape;
            }

            namespace Ack {

                /** Properties of an Ack. */
                interface $Properties {

                    /** Ack log */
                    log?: (number|null);

                    /** Ack appliedSeq */
                    appliedSeq?: (number|null);

                    /** Ack stableSeq */
                    stableSeq?: (number|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of an Ack. */
                type $Shape = oap.federation.v1.Ack.$Properties;
            }

            /**
             * Properties of a Nack.
             * @deprecated Use oap.federation.v1.Nack.$Properties instead.
             */
            interface INack extends oap.federation.v1.Nack.$Properties {
            }

            /** Represents a Nack. */
            class Nack {

                /**
                 * Constructs a new Nack.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.Nack.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Nack log. */
                log: number;

                /** Nack round. */
                round: number;

                /** Nack seq. */
                seq: number;

                /** Nack code. */
                code: number;

                /** Nack expectedSeq. */
                expectedSeq: number;

                /** Nack retryAfterMs. */
                retryAfterMs: number;

                /** Nack detail. */
                detail: string;

                /** Nack ownerAddress. */
                ownerAddress: string;

                /**
                 * Encodes the specified Nack message. Does not implicitly {@link oap.federation.v1.Nack.verify|verify} messages.
                 * @param message Nack message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.Nack.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a Nack message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.Nack & oap.federation.v1.Nack.$Shape} Nack
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.Nack & oap.federation.v1.Nack.$Shape;
            }

            namespace Nack {

                /** Properties of a Nack. */
                interface $Properties {

                    /** Nack log */
                    log?: (number|null);

                    /** Nack round */
                    round?: (number|null);

                    /** Nack seq */
                    seq?: (number|null);

                    /** Nack code */
                    code?: (number|null);

                    /** Nack expectedSeq */
                    expectedSeq?: (number|null);

                    /** Nack retryAfterMs */
                    retryAfterMs?: (number|null);

                    /** Nack detail */
                    detail?: (string|null);

                    /** Nack ownerAddress */
                    ownerAddress?: (string|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a Nack. */
                type $Shape = oap.federation.v1.Nack.$Properties;
            }

            /**
             * Properties of a Heartbeat.
             * @deprecated Use oap.federation.v1.Heartbeat.$Properties instead.
             */
            interface IHeartbeat extends oap.federation.v1.Heartbeat.$Properties {
            }

            /** Represents a Heartbeat. */
            class Heartbeat {

                /**
                 * Constructs a new Heartbeat.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.Heartbeat.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Heartbeat sentAtMs. */
                sentAtMs: number;

                /** Heartbeat echoMs. */
                echoMs: number;

                /**
                 * Encodes the specified Heartbeat message. Does not implicitly {@link oap.federation.v1.Heartbeat.verify|verify} messages.
                 * @param message Heartbeat message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.Heartbeat.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a Heartbeat message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.Heartbeat & oap.federation.v1.Heartbeat.$Shape} Heartbeat
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.Heartbeat & oap.federation.v1.Heartbeat.$Shape;
            }

            namespace Heartbeat {

                /** Properties of a Heartbeat. */
                interface $Properties {

                    /** Heartbeat sentAtMs */
                    sentAtMs?: (number|null);

                    /** Heartbeat echoMs */
                    echoMs?: (number|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a Heartbeat. */
                type $Shape = oap.federation.v1.Heartbeat.$Properties;
            }

            /**
             * Properties of a TierPath.
             * @deprecated Use oap.federation.v1.TierPath.$Properties instead.
             */
            interface ITierPath extends oap.federation.v1.TierPath.$Properties {
            }

            /** Represents a TierPath. */
            class TierPath {

                /**
                 * Constructs a new TierPath.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.TierPath.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** TierPath tiers. */
                tiers: string[];

                /**
                 * Encodes the specified TierPath message. Does not implicitly {@link oap.federation.v1.TierPath.verify|verify} messages.
                 * @param message TierPath message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.TierPath.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a TierPath message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.TierPath & oap.federation.v1.TierPath.$Shape} TierPath
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.TierPath & oap.federation.v1.TierPath.$Shape;
            }

            namespace TierPath {

                /** Properties of a TierPath. */
                interface $Properties {

                    /** TierPath tiers */
                    tiers?: (string[]|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a TierPath. */
                type $Shape = oap.federation.v1.TierPath.$Properties;
            }

            /**
             * Properties of a Fragment.
             * @deprecated Use oap.federation.v1.Fragment.$Properties instead.
             */
            interface IFragment extends oap.federation.v1.Fragment.$Properties {
            }

            /** Represents a Fragment. */
            class Fragment {

                /**
                 * Constructs a new Fragment.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.Fragment.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** Fragment data. */
                data: Uint8Array;

                /** Fragment last. */
                last: boolean;

                /**
                 * Encodes the specified Fragment message. Does not implicitly {@link oap.federation.v1.Fragment.verify|verify} messages.
                 * @param message Fragment message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.Fragment.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a Fragment message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.Fragment & oap.federation.v1.Fragment.$Shape} Fragment
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.Fragment & oap.federation.v1.Fragment.$Shape;
            }

            namespace Fragment {

                /** Properties of a Fragment. */
                interface $Properties {

                    /** Fragment data */
                    data?: (Uint8Array|null);

                    /** Fragment last */
                    last?: (boolean|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a Fragment. */
                type $Shape = oap.federation.v1.Fragment.$Properties;
            }

            /**
             * Properties of a ListNodesRequest.
             * @deprecated Use oap.federation.v1.ListNodesRequest.$Properties instead.
             */
            interface IListNodesRequest extends oap.federation.v1.ListNodesRequest.$Properties {
            }

            /** Represents a ListNodesRequest. */
            class ListNodesRequest {

                /**
                 * Constructs a new ListNodesRequest.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.ListNodesRequest.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** ListNodesRequest tier. */
                tier: string;

                /**
                 * Encodes the specified ListNodesRequest message. Does not implicitly {@link oap.federation.v1.ListNodesRequest.verify|verify} messages.
                 * @param message ListNodesRequest message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.ListNodesRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a ListNodesRequest message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.ListNodesRequest & oap.federation.v1.ListNodesRequest.$Shape} ListNodesRequest
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.ListNodesRequest & oap.federation.v1.ListNodesRequest.$Shape;
            }

            namespace ListNodesRequest {

                /** Properties of a ListNodesRequest. */
                interface $Properties {

                    /** ListNodesRequest tier */
                    tier?: (string|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a ListNodesRequest. */
                type $Shape = oap.federation.v1.ListNodesRequest.$Properties;
            }

            /**
             * Properties of a ListNodesResponse.
             * @deprecated Use oap.federation.v1.ListNodesResponse.$Properties instead.
             */
            interface IListNodesResponse extends oap.federation.v1.ListNodesResponse.$Properties {
            }

            /** Represents a ListNodesResponse. */
            class ListNodesResponse {

                /**
                 * Constructs a new ListNodesResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: oap.federation.v1.ListNodesResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** ListNodesResponse tier. */
                tier: string;

                /** ListNodesResponse instanceId. */
                instanceId: string;

                /** ListNodesResponse slotMap. */
                slotMap?: (oap.federation.v1.SlotMap.$Properties|null);

                /**
                 * Encodes the specified ListNodesResponse message. Does not implicitly {@link oap.federation.v1.ListNodesResponse.verify|verify} messages.
                 * @param message ListNodesResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: oap.federation.v1.ListNodesResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a ListNodesResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {oap.federation.v1.ListNodesResponse & oap.federation.v1.ListNodesResponse.$Shape} ListNodesResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): oap.federation.v1.ListNodesResponse & oap.federation.v1.ListNodesResponse.$Shape;
            }

            namespace ListNodesResponse {

                /** Properties of a ListNodesResponse. */
                interface $Properties {

                    /** ListNodesResponse tier */
                    tier?: (string|null);

                    /** ListNodesResponse instanceId */
                    instanceId?: (string|null);

                    /** ListNodesResponse slotMap */
                    slotMap?: (oap.federation.v1.SlotMap.$Properties|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a ListNodesResponse. */
                type $Shape = oap.federation.v1.ListNodesResponse.$Properties;
            }
        }
    }
}
