CREATE TABLE capture_schema_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE fills (
    number bigint NOT NULL,
    signal_id text NOT NULL,
    fill_id text NOT NULL,
    role text NOT NULL,
    quantity double precision,
    price double precision,
    commission double precision NOT NULL,
    at_ns bigint NOT NULL,
    order_id text,
    version bigint NOT NULL,
    sha256 text NOT NULL,
    prints text NOT NULL
);
CREATE SEQUENCE fills_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE fills_number_seq OWNED BY fills.number;
CREATE TABLE history (
    number bigint NOT NULL,
    signal_id text NOT NULL,
    version bigint NOT NULL,
    kind text NOT NULL,
    from_status text,
    to_status text NOT NULL,
    at_ns bigint NOT NULL,
    recorded_ns bigint NOT NULL,
    actor text,
    reason text,
    order_id text,
    detail text,
    event_key text,
    signal_sha256 text NOT NULL,
    fill_sha256 text,
    writer text NOT NULL,
    link bigint NOT NULL,
    sha256 text NOT NULL,
    prints text NOT NULL,
    chain text NOT NULL
);
CREATE SEQUENCE history_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE history_number_seq OWNED BY history.number;
CREATE TABLE outbox (
    id bigint NOT NULL,
    signal_id text NOT NULL,
    sink text NOT NULL,
    kind text NOT NULL,
    payload text NOT NULL,
    idempotency_key text NOT NULL,
    created_ns bigint NOT NULL,
    attempts integer NOT NULL,
    next_attempt_ns bigint NOT NULL,
    state text NOT NULL,
    last_error text,
    sent_ns bigint
);
CREATE SEQUENCE outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE outbox_id_seq OWNED BY outbox.id;
CREATE TABLE outcomes (
    signal_id text NOT NULL,
    strategy_id text,
    symbol text NOT NULL,
    direction integer NOT NULL,
    state text NOT NULL,
    entry_price double precision NOT NULL,
    entry_quantity double precision NOT NULL,
    exit_price double precision,
    exit_quantity double precision NOT NULL,
    commission double precision NOT NULL,
    realised_profit double precision NOT NULL,
    unrealised_profit double precision,
    mark_price double precision,
    marked_ns bigint,
    opened_ns bigint NOT NULL,
    closed_ns bigint,
    version bigint NOT NULL,
    sha256 text NOT NULL,
    prints text NOT NULL
);
CREATE TABLE signals (
    number bigint NOT NULL,
    signal_id text NOT NULL,
    run_id text,
    strategy_id text,
    symbol text NOT NULL,
    timeframe text,
    signal_type text NOT NULL,
    side text NOT NULL,
    strength double precision,
    confidence double precision,
    quality_score double precision,
    regime text,
    entry_price double precision,
    target_price double precision,
    stop_price double precision,
    requested_quantity double precision,
    order_id text,
    status text NOT NULL,
    reason text,
    actor text,
    executed_price double precision,
    executed_quantity double precision,
    commission double precision,
    slippage double precision,
    signal_ns bigint NOT NULL,
    created_ns bigint NOT NULL,
    updated_ns bigint NOT NULL,
    submitted_ns bigint,
    executed_ns bigint,
    valid_until_ns bigint,
    extra text,
    version bigint NOT NULL,
    sha256 text NOT NULL,
    prints text NOT NULL
);
CREATE SEQUENCE signals_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE signals_number_seq OWNED BY signals.number;
CREATE TABLE writers (
    writer text NOT NULL,
    begun_ns bigint NOT NULL,
    links bigint NOT NULL,
    chain text NOT NULL
);
ALTER TABLE ONLY fills ALTER COLUMN number SET DEFAULT nextval('fills_number_seq'::regclass);
ALTER TABLE ONLY history ALTER COLUMN number SET DEFAULT nextval('history_number_seq'::regclass);
ALTER TABLE ONLY outbox ALTER COLUMN id SET DEFAULT nextval('outbox_id_seq'::regclass);
ALTER TABLE ONLY signals ALTER COLUMN number SET DEFAULT nextval('signals_number_seq'::regclass);
INSERT INTO capture_schema_version VALUES ('0001');
INSERT INTO fills VALUES (1, 'long', 'a890771399617887', 'entry', 4, 100.5, 0, 1795918475545485828, NULL, 3, 'e7fe4fedb60f7ebb7e4597f836229704edc31654aec1b46707239566bb5f4f60', 'd9b2bc17189a8c5f38aeec2279b3a5c682b2319a16f18fbd5f69b3ef6b867169');
INSERT INTO fills VALUES (2, 'long', 'bd0c8fbda5ac2365', 'entry', 6, 101, 1, 1795918475554423198, NULL, 4, '6df7c2e6a6459878ea45f0f220a33fc3051629ddb3f0883472a00229afc60eed', 'd9b2c3e0189a0c9338ae092079b3850d82b2391016f18fbd5f69b3ef6b866860');
INSERT INTO fills VALUES (3, 'short', '8f2cf89081bbcd8d', 'entry', 4, 100.5, 0, 1795918475558021561, NULL, 3, 'aaeba12ec29b473b254e9be04708ad4ecc94e2558cb404fd6126410392d4cc2e', 'd9b23005189a8c5f38ae178879b3a5c682b2319a16f18fbd5f6973c56b867169');
INSERT INTO fills VALUES (4, 'short', 'bf9ed1e1782a1545', 'entry', 6, 101, 1, 1795918475559252399, NULL, 4, '6ff7e6cdf6083d943a2e999a04ca871b9f05a4148d55b280fdf017fba6bf2d4e', 'd9b235a7189a0c9338ae5c6979b3850d82b2391016f18fbd5f6973c56b866860');
INSERT INTO fills VALUES (5, 'long', 'd1a633e8d37abd8d', 'exit', 10, 104, 0, 1795918475560821946, NULL, 5, '61b48ad4cf570a395a315f476f213eda1dd5200a443cedeadc0222fe0066c004', 'd9b2e5ab189a8c5f38aec8c579b386d382b2c66916f1c6f15f69b3ef6b86f660');
INSERT INTO history VALUES (1, 'plain-0', 1, 'saved', NULL, 'generated', 1795918475493304827, 1795918475493304827, NULL, NULL, NULL, NULL, NULL, '960acfde4989c70c6472362a27e81b1ec46aa1cab9053c926e9897bb3893a409', NULL, '7f80eac67071c39f', 1, '3f9a4349771ac30e8418e4c801d5b6e26997c6f16caa6af719b43787f8aaf727', 'd9b2dec172e7f8766fe9ade54fed34055f6904604028ff584b98095d6b860c6ef6fbd272', '6e2b3f72aee20c60dc020771fc388339724a9d2b0551ab0db2716ce0ef99df6a');
INSERT INTO history VALUES (2, 'plain-1', 1, 'saved', NULL, 'generated', 1795918475493304827, 1795918475493304827, NULL, NULL, NULL, NULL, NULL, '8cc03e694d1ab5416ebabd46b886a8ce8b9bdc663b4afb0babacd595c1497c83', NULL, '7f80eac67071c39f', 2, '51c507329367b2a474738742ce950273817836d76cf3bafa09e6d458796b2def', 'd9b2dec172e7f8766fe94ee24fed34055f692859402887d74b98095d6b860c6ef6fbd272', '20957abd52811a071af35d190bd4d2d99921255ee1b60d53e034565e129d471f');
INSERT INTO history VALUES (3, 'plain-2', 1, 'saved', NULL, 'generated', 1795918475493304827, 1795918475493304827, NULL, NULL, NULL, NULL, NULL, '26c2b870f22c9781507345b51146283fa7c68dc6083c61709f0043dba488f39b', NULL, '7f80eac67071c39f', 3, '605ef64d76b51587b0f01c55c35ff4cd2856a288165e3c6c6f6d7bbd9ed3f1b6', 'd9b2dec172e7f8766fe9d0e24fed34055f69061740282afb4b98095d6b860c6ef6fbd272', '46f14071ff0aa050730be59dd9f8b506e42d1d1f60874b61091d7d368fdefb52');
INSERT INTO history VALUES (4, 'waiting', 1, 'saved', NULL, 'generated', 1795918475538185126, 1795918475538185126, NULL, NULL, NULL, NULL, NULL, '898e61b5ae7382b41108c35348927d9e14f524042b784392228898aaa859a42c', NULL, '7f80eac67071c39f', 4, '69c14e552bc3098cae20874f1dfef1674cf0f5ffcfda1370539380fc8e2a7a3a', 'd9b263c972e7f8766fe9c9eb4fed890d5f6925674028a5e14b98095d6b860c6ef6fbd272', 'd03308548514cb561a4a2bdfd8f64bcb09b5dc9f8632f8c785bcb0ea919bea5d');
INSERT INTO history VALUES (5, 'waiting', 2, 'status', 'generated', 'passed_risk', 1795918475541129327, 1795918475541129327, 'risk', NULL, NULL, NULL, NULL, 'de0add8dfa4f6ba6312a3112dc544d7cf4d4b2096474d898cde2f19e030d6931', NULL, '7f80eac67071c39f', 5, '31214f5f62fc348b16ed76d914a7d398243bbdb4eaa414b3113e7afdbb954dba', '2f6ffe61d9b22f66a5459e0772e780f66fe957eb4fedc5a25f6925674028b38c4b98efed6b86ef69f6fbd272', 'f70a885fe59eab5060489e7e497e954d285c77d2551deca3780d67adc6520fb4');
INSERT INTO history VALUES (6, 'waiting', 3, 'status', 'passed_risk', 'submitted', 1795918475543174027, 1795918475543174027, NULL, NULL, NULL, NULL, NULL, '3b5b66c326ad3db0d1c89d6ac968a761d2bcecb0cdbc2fd7063274454f2064c5', NULL, '7f80eac67071c39f', 6, '19f5c690651a8911e287dae89a900a1c0de7d4f0e3e10ec5a26429352e364318', 'd9b21638a54578b772e780f66fe9b4ec4fedfcfc5f6925674028aa444b98bf476b867169f6fbd272', 'a24b6641733521ce8beb9e2be9ce6a0010d75f2aa5462832eab388e3a53f0b49');
INSERT INTO history VALUES (7, 'long', 1, 'saved', NULL, 'generated', 1795918475543938144, 1795918475543938144, NULL, NULL, NULL, NULL, NULL, '013f4fbc7010e752792c21480d5adb716d966adb16c2e16039524bd37d7d3b79', NULL, '7f80eac67071c39f', 7, '91e2841f0b0ed2e3bb6ac6f5490113a6a86269a968f5164fa1b16e0876f97e70', 'd9b2f2d872e7f8766fe92aec4fed181c5f69b3ef4028248d4b98095d6b860c6ef6fbd272', '31885ca6cc0f11503b5620e72747e2d89f0eb3f7390dbe16f81503fa420d3842');
INSERT INTO history VALUES (8, 'long', 2, 'status', 'generated', 'submitted', 1795918475544714260, 1795918475544714260, NULL, NULL, NULL, NULL, NULL, 'd54969585051037770068b2ec73ebf0bb6a291514646bd2b8eac15d6d52fa95f', NULL, '7f80eac67071c39f', 8, '13c0de1faf11ffc3860632679ef6b2f3b1462eb03c5352c993ed624163f5eb02', 'd9b26ccda5459e0772e780f66fe986fe4fed86095f69b3ef40287e474b98bf476b86ef69f6fbd272', '65ecf49843f04d55d33c7426c45c9878ecf9cce31e8dda1f05fba58127a0f4b9');
INSERT INTO history VALUES (9, 'long', 3, 'status', 'submitted', 'partially_filled', 1795918475545485828, 1795918475545485828, NULL, NULL, NULL, '{"commission":0.0,"executed_price":100.5,"executed_quantity":4.0,"fill_id":"a890771399617887"}', NULL, 'ee8799563918ca7135bd98646ef3b19f8b9cd982c80fe3291f21c10543ef8728', 'e7fe4fedb60f7ebb7e4597f836229704edc31654aec1b46707239566bb5f4f60', '7f80eac67071c39f', 9, '47bc01e646fa2edff7d9e6cd64ef5b8e138d1fcfd6ff58232aabfd8c649ae66f', 'd9b2bc17b28bdc182c5af353a545281d72e780f66fe918fe4fed56d35f69b3ef402826c54b98c20b6b867169f6fbd272', 'aeaafacfa77a0ee83c2a759d1820bc74c5cf2698762cfeb45e42695d7b6a9032');
INSERT INTO history VALUES (10, 'long', 4, 'status', 'partially_filled', 'executed', 1795918475554423198, 1795918475554423198, NULL, NULL, NULL, '{"commission":1.0,"executed_price":101.0,"executed_quantity":6.0,"fill_id":"bd0c8fbda5ac2365"}', NULL, '005090770e36d95e03cad09a4b6083ebf4971872c70395c214d5489f43d64df7', '6df7c2e6a6459878ea45f0f220a33fc3051629ddb3f0883472a00229afc60eed', '7f80eac67071c39f', 10, '5e0183e0c15765a36023f2839ce854b2b8e18dd4494a286df8cc0a5d479dabab', 'd9b2c3e0b28b469f2c5a429fa545555172e780f66fe9fbf94fed29245f69b3ef4028d0f84b98dd3d6b866860f6fbd272', '7d8b10d042c796009445551b83cb17673f25b124081c93fd85b644dbb15867d7');
INSERT INTO history VALUES (11, 'short', 1, 'saved', NULL, 'generated', 1795918475556631103, 1795918475556631103, NULL, NULL, NULL, NULL, NULL, '4c795fc82bc359ba917d6eba4916064d38fd7db88e4fb93d6a199e3471b77bca', NULL, '7f80eac67071c39f', 11, '56006af8f76141e7c10626228d59c21c920bb743de7805e8054b5fccafb876a0', 'd9b2c38372e7f8766fe965f94fed29475f6973c54028b0374b98095d6b860c6ef6fbd272', 'd0a5285e635e989665f081b2a730216e44c0d2bd806ed1e700c4a3ab8bcbc38d');
INSERT INTO history VALUES (12, 'short', 2, 'status', 'generated', 'submitted', 1795918475557322692, 1795918475557322692, NULL, NULL, NULL, NULL, NULL, 'cc44a38dfe5144eb22a25ec95122bf4924230ac5d43d981a2eabcc6f9783e145', NULL, '7f80eac67071c39f', 12, '387ba0da30361c2127607a203ce54d4ef188f390c37ee7eb1dc1adf6558b46b0', 'd9b22624a5459e0772e780f66fe97cf04fedcce05f6973c540280f814b98bf476b86ef69f6fbd272', '2a7da7908b14d2e3decf7d59ce994e57d4c53d94396c1bd94608bfd437732157');
INSERT INTO history VALUES (13, 'short', 3, 'status', 'submitted', 'partially_filled', 1795918475558021561, 1795918475558021561, NULL, NULL, NULL, '{"commission":0.0,"executed_price":100.5,"executed_quantity":4.0,"fill_id":"8f2cf89081bbcd8d"}', NULL, '5257c38a0323ff67053a4be6eef82cd179cfe66a4892bbe6c4767ad3f26c962d', 'aaeba12ec29b473b254e9be04708ad4ecc94e2558cb404fd6126410392d4cc2e', '7f80eac67071c39f', 13, '3ef782c3965466a32cf6819c86e0cefbc5d73fab9f03f7edfc644af2ff22f8d9', 'd9b23005b28b16c92c5a7a3ca545281d72e780f66fe9e2f04feddac15f6973c54028e45f4b98c20b6b867169f6fbd272', 'dfd980b8dba5768b335e31aa9f42ad30657ab02b782528d3d761e148b35cff43');
INSERT INTO history VALUES (14, 'short', 4, 'status', 'partially_filled', 'executed', 1795918475559252399, 1795918475559252399, NULL, NULL, NULL, '{"commission":1.0,"executed_price":101.0,"executed_quantity":6.0,"fill_id":"bf9ed1e1782a1545"}', NULL, 'b5d4cf0dc29f45f0158781c8d614e0180bf3624c24bb692c4f307ff557863bd0', '6ff7e6cdf6083d943a2e999a04ca871b9f05a4148d55b280fdf017fba6bf2d4e', '7f80eac67071c39f', 14, 'e2bba419fe2a715ecb771ea1b13d56f430d1e56821b2b2327859c3b496470386', 'd9b235a7b28b62122c5aeef8a545555172e780f66fe901f74feddf635f6973c54028526e4b98dd3d6b866860f6fbd272', '1c4e4b2d1004b44c74b4b9e07f179d3ae51b4c08f2d6bdb4cb5058b24c5e44f8');
INSERT INTO history VALUES (15, 'long', 5, 'outcome', 'executed', 'executed', 1795918475560821946, 1795918475560821946, NULL, NULL, NULL, NULL, NULL, 'f798dee0a4f1509c9d732c6a48c812165fed81a36587e9bbee9695635e00536a', '61b48ad4cf570a395a315f476f213eda1dd5200a443cedeadc0222fe0066c004', '7f80eac67071c39f', 15, '99488d619c236fd78ea39ce0740c97678b80e1fa29f58b7c56b1b38ccf9a6d36', 'd9b2e5ab2c5af28aa5454a6772e77b056fe99ff74fed0f6f5f69b3ef4028b8134b98dd3d6b86f660f6fbd272', 'a78c4a93e101efb6af54677ef5db46f64019def430cc747bf167ce25a727a6e0');
INSERT INTO history VALUES (16, 'plain-0', 2, 'status', 'generated', 'rejected', 1795918475561856970, 1795918475561856970, 'risk', 'risk_limit', NULL, NULL, NULL, 'e6058f2e93cbe60ef2f0b206a10552f4346a828bee8082abe62a1899aa9c7621', NULL, '7f80eac67071c39f', 16, 'dd80faeb4382491f896d58434ee6cb541d3886b070a3c9b6e9249b3682d6e239', '2f6ffe61d9b20c25a5459e0772e780f66fe918d4ad4192364fede6e15f6904604028ec7f4b98bc1e6b86ef69f6fbd272', '30e69686f273098f676de7330a282d8335b164874fbf57a62f2d19bfae107ba6');
INSERT INTO history VALUES (17, 'plain-1', 2, 'status', 'generated', 'cancelled', 1795918475562472454, 1795918475562472454, NULL, NULL, NULL, NULL, NULL, '735f620be488c839ede03e0e1d643d81d397506f5a1ad55ccd4f4c70830b6178', NULL, '7f80eac67071c39f', 17, 'd1d27fdb46982c51eaad164d50d60f65c1e9d0db7ef292f94bfa467c2b5673a4', 'd9b2d34da5459e0772e780f66fe986d44fed39895f692859402832d14b9898b46b86ef69f6fbd272', '071ec6e6a48e12e0b10521e361d29c51c1e1979dd2d5e3cbd6d3361aa4409b1e');
INSERT INTO history VALUES (18, 'told', 1, 'saved', NULL, 'generated', 1795918475611313501, 1795918475611313501, NULL, NULL, NULL, NULL, NULL, '7d5e77df73af683555864f2a4ccff18218e0c449585303ebc7dc28b2f9879885', NULL, '42fe6e13a5f6e37e', 1, '80be6522c08ddaa566ef536939c2be900c08b3c2bb9442226e5024ef5308737f', 'd9b2b51e72e7f8766fe9ade54fed5fda5f69d9ad402815574b98095d6b860c6ef6fbc2ba', 'dc75f66d289e4634911726e678b852271e09d1ad1cbefabdbe22b7973423418a');
INSERT INTO history VALUES (19, 'told', 2, 'status', 'generated', 'missed', 1795918475626261886, 1795918475626261886, NULL, NULL, NULL, NULL, NULL, '97f44d2c73089c7b56d23b882c0d0aaef03365a370fe069dd40ef8e0338b79ad', NULL, '42fe6e13a5f6e37e', 2, 'a2e7732e9403536ec9eed2e4eabb7d91c7af98b15dd653d415fd542dc7e9952a', 'd9b2657ba5459e0772e780f66fe94ee24fed8fbf5f69d9ad4028507a4b98bffd6b86ef69f6fbc2ba', '88e3585917384feb2c2df6553d0dc8a085e91d86558fefbbdd4bd84cec7207d7');
INSERT INTO history VALUES (20, 'last', 1, 'saved', NULL, 'generated', 1795918475663528002, 1795918475663528002, NULL, NULL, NULL, NULL, NULL, '51dcf466f7fba754e3f5a4b37f691bb2b89191104150528db911213836787a4f', NULL, 'fa78e7c107f10647', 1, '74388a27803a2b7689dc7adfd730438c8f8e06d862de4cf19c3f7a0254c32dae', 'd9b2568072e7f8766fe9ade54fedbc445f695ba34028bf204b98095d6b860c6ef6fba85c', '6b267ead7ca69dd43baa13b89512586d8568f408f9a430ce5f1f6ba76278c98a');
INSERT INTO outbox VALUES (1, 'told', 'desk', 'saved', '{"kind":"saved","signal":{"created_ns":1795918475611313501,"entry_price":100.0,"regime":"bull","requested_quantity":10.0,"sha256":"7d5e77df73af683555864f2a4ccff18218e0c449585303ebc7dc28b2f9879885","side":"buy","signal_id":"told","signal_ns":1700000000000000000,"signal_type":"entry","status":"generated","strategy_id":"momentum","symbol":"GOOG","updated_ns":1795918475611313501,"version":1}}', 'told:1:desk', 1795918475611313501, 0, 1795918475611313501, 'pending', NULL, NULL);
INSERT INTO outbox VALUES (2, 'told', 'desk', 'status', '{"kind":"status","signal":{"created_ns":1795918475611313501,"entry_price":100.0,"finished_ns":1795918475626261886,"regime":"bull","requested_quantity":10.0,"sha256":"97f44d2c73089c7b56d23b882c0d0aaef03365a370fe069dd40ef8e0338b79ad","side":"buy","signal_id":"told","signal_ns":1700000000000000000,"signal_type":"entry","status":"missed","strategy_id":"momentum","symbol":"GOOG","updated_ns":1795918475626261886,"version":2}}', 'told:2:desk', 1795918475626261886, 0, 1795918475626261886, 'pending', NULL, NULL);
INSERT INTO outcomes VALUES ('long', 'momentum', 'GOOG', 1, 'closed', 100.8, 10, 104, 10, 1, 31, 0, NULL, NULL, 1795918475545485828, 1795918475560821946, 3, 'd8f23dd966dfdfc09b6a485724e52ef9893daa977612c1c4bd0b876c31264a45', '2d0267ea189a0c935a70ab59fe724cc1311dc93299843494b016816c9909e7fbbfafdb5c5f69b3efcaa7940208570d9ca27f955339d8ad806b867169');
INSERT INTO outcomes VALUES ('short', 'momentum', 'GOOG', -1, 'open', 100.8, 10, NULL, 0, 1, 0, NULL, NULL, NULL, 1795918475558021561, NULL, 2, 'e36b75e66f4c02041d071228e6d9e567111891efbcf9b83ba836ca7def02054a', '189a0c935a704059fe724cc1311dc932b016b7cc99096be9bfaf77375f6973c5caa7808d08570d9ca27f95536b86ef69');
INSERT INTO signals VALUES (1, 'plain-0', NULL, 'momentum', 'GOOG', NULL, 'entry', 'buy', NULL, 0, NULL, NULL, 100, NULL, NULL, 10, NULL, 'rejected', 'risk_limit', 'risk', NULL, NULL, NULL, NULL, 1700000000000000000, 1795918475493304827, 1795918475561856970, NULL, NULL, NULL, '{"note":"kept"}', 2, 'e6058f2e93cbe60ef2f0b206a10552f4346a828bee8082abe62a1899aa9c7621', '2f6ffe616564894ec5fb2096fe72ce91cbb60c5aad419236f7c319d536747f6a5f6904600ecc34a64f9aabfff5d44d3c08570d9ca27f95532d3a18976b86ef69');
INSERT INTO signals VALUES (2, 'plain-1', NULL, 'momentum', 'GOOG', NULL, 'entry', 'buy', NULL, 0.1, NULL, NULL, 100, NULL, NULL, 10, NULL, 'cancelled', NULL, NULL, NULL, NULL, NULL, NULL, 1700000000000000000, 1795918475493304827, 1795918475562472454, NULL, NULL, NULL, '{"note":"kept"}', 2, '735f620be488c839ede03e0e1d643d81d397506f5a1ad55ccd4f4c70830b6178', '656428c2c5fb2096fe72ce91cbb60c5af7c319d536747f6a5f6928590ecc34a64f9aabfff5d4699608570d9ca27f95532d3ac7ff6b86ef69');
INSERT INTO signals VALUES (3, 'plain-2', NULL, 'momentum', 'GOOG', NULL, 'entry', 'buy', NULL, 0.2, NULL, NULL, 100, NULL, NULL, 10, NULL, 'generated', NULL, NULL, NULL, NULL, NULL, NULL, 1700000000000000000, 1795918475493304827, 1795918475493304827, NULL, NULL, NULL, '{"note":"kept"}', 1, '26c2b870f22c9781507345b51146283fa7c68dc6083c61709f0043dba488f39b', '6564debbc5fb2096fe72ce91cbb60c5af7c319d536747f6a5f6906170ecc34a64f9aabfff5d4f87f08570d9ca27f95532d3aca736b860c6e');
INSERT INTO signals VALUES (4, 'waiting', NULL, 'momentum', 'GOOG', NULL, 'entry', 'buy', NULL, NULL, NULL, NULL, 100, NULL, NULL, 10, NULL, 'submitted', NULL, NULL, NULL, NULL, NULL, NULL, 1700000000000000000, 1795918475538185126, 1795918475543174027, 1795918475543174027, NULL, NULL, NULL, 3, '3b5b66c326ad3db0d1c89d6ac968a761d2bcecb0cdbc2fd7063274454f2064c5', 'c5fb9d9efe72ce91f7c319d536747f6a5f6925670ecc34a64f9aabfff5d44e6508570d9c168b2d6ca27f95532d3a028a6b867169');
INSERT INTO signals VALUES (5, 'long', NULL, 'momentum', 'GOOG', NULL, 'entry', 'buy', NULL, NULL, NULL, NULL, 100, NULL, NULL, 10, NULL, 'executed', NULL, NULL, 100.8, 10, 1, 0.8, 1700000000000000000, 1795918475543938144, 1795918475560821946, 1795918475544714260, 1795918475554423198, NULL, NULL, 5, 'f798dee0a4f1509c9d732c6a48c812165fed81a36587e9bbee9695635e00536a', '189a0c93c5fb0c8ffe72ce9109ccbd955b06b28dc9403f0bf7c319d536747f6a5f69b3ef0ecc34a64f9aabff42e89f77f5d42c1f08570d9c168b5799a27f95532d3af1196b86f660');
INSERT INTO signals VALUES (6, 'short', NULL, 'momentum', 'GOOG', NULL, 'entry', 'sell', NULL, NULL, NULL, NULL, 100, NULL, NULL, 10, NULL, 'executed', NULL, NULL, 100.8, 10, 1, -0.8, 1700000000000000000, 1795918475556631103, 1795918475559252399, 1795918475557322692, 1795918475559252399, NULL, NULL, 4, 'b5d4cf0dc29f45f0158781c8d614e0180bf3624c24bb692c4f307ff557863bd0', '189a0c93c5fb3dd4fe72ce9109cc4bd25b06b28dc9403f0bf7c319d53674f18e5f6973c50ecc34a64f9aabff42e8bff4f5d42c1f08570d9c168b1d70a27f95532d3a21156b866860');
INSERT INTO signals VALUES (7, 'told', NULL, 'momentum', 'GOOG', NULL, 'entry', 'buy', NULL, NULL, NULL, 'bull', 100, NULL, NULL, 10, NULL, 'missed', NULL, NULL, NULL, NULL, NULL, NULL, 1700000000000000000, 1795918475611313501, 1795918475626261886, NULL, NULL, NULL, NULL, 2, '97f44d2c73089c7b56d23b882c0d0aaef03365a370fe069dd40ef8e0338b79ad', 'c5fb4b49fe72ce9167277553f7c319d536747f6a5f69d9ad0ecc34a64f9aabfff5d44edf08570d9ca27f95532d3a71c96b86ef69');
INSERT INTO signals VALUES (8, 'last', NULL, 'momentum', 'MSFT', NULL, 'entry', 'buy', NULL, NULL, NULL, NULL, 100, NULL, NULL, 10, NULL, 'generated', NULL, NULL, NULL, NULL, NULL, NULL, 1700000000000000000, 1795918475663528002, 1795918475663528002, NULL, NULL, NULL, NULL, 1, '51dcf466f7fba754e3f5a4b37f691bb2b89191104150528db911213836787a4f', 'c5fba8d7fe72ce91f7c319d536747f6a5f695ba30ecc34a64f9aabfff5d4f87f08570d9ca27fba3a2d3a42326b860c6e');
INSERT INTO writers VALUES ('7f80eac67071c39f', 1795918475531272056, 17, '071ec6e6a48e12e0b10521e361d29c51c1e1979dd2d5e3cbd6d3361aa4409b1e');
INSERT INTO writers VALUES ('42fe6e13a5f6e37e', 1795918475615153907, 2, '88e3585917384feb2c2df6553d0dc8a085e91d86558fefbbdd4bd84cec7207d7');
INSERT INTO writers VALUES ('fa78e7c107f10647', 1795918475665027945, 1, '6b267ead7ca69dd43baa13b89512586d8568f408f9a430ce5f1f6ba76278c98a');
SELECT pg_catalog.setval('fills_number_seq', 5, true);
SELECT pg_catalog.setval('history_number_seq', 20, true);
SELECT pg_catalog.setval('outbox_id_seq', 2, true);
SELECT pg_catalog.setval('signals_number_seq', 8, true);
ALTER TABLE ONLY capture_schema_version
    ADD CONSTRAINT capture_schema_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY fills
    ADD CONSTRAINT pk_fills PRIMARY KEY (number);
ALTER TABLE ONLY history
    ADD CONSTRAINT pk_history PRIMARY KEY (number);
ALTER TABLE ONLY outbox
    ADD CONSTRAINT pk_outbox PRIMARY KEY (id);
ALTER TABLE ONLY outcomes
    ADD CONSTRAINT pk_outcomes PRIMARY KEY (signal_id);
ALTER TABLE ONLY signals
    ADD CONSTRAINT pk_signals PRIMARY KEY (number);
ALTER TABLE ONLY writers
    ADD CONSTRAINT pk_writers PRIMARY KEY (writer);
ALTER TABLE ONLY fills
    ADD CONSTRAINT uq_fills_signal_id_fill_id UNIQUE (signal_id, fill_id);
ALTER TABLE ONLY history
    ADD CONSTRAINT uq_history_event_key UNIQUE (event_key);
ALTER TABLE ONLY history
    ADD CONSTRAINT uq_history_signal_id_version UNIQUE (signal_id, version);
ALTER TABLE ONLY history
    ADD CONSTRAINT uq_history_writer_link UNIQUE (writer, link);
ALTER TABLE ONLY outbox
    ADD CONSTRAINT uq_outbox_idempotency_key UNIQUE (idempotency_key);
ALTER TABLE ONLY signals
    ADD CONSTRAINT uq_signals_signal_id UNIQUE (signal_id);
CREATE INDEX ix_history_recorded_ns ON history USING btree (recorded_ns);
CREATE INDEX ix_outbox_signal_id ON outbox USING btree (signal_id);
CREATE INDEX ix_outbox_sink_state_next_attempt_ns ON outbox USING btree (sink, state, next_attempt_ns);
CREATE INDEX ix_outcomes_state_symbol ON outcomes USING btree (state, symbol);
CREATE INDEX ix_signals_signal_ns ON signals USING btree (signal_ns);
CREATE INDEX ix_signals_status_signal_ns ON signals USING btree (status, signal_ns);
CREATE INDEX ix_signals_strategy_id_signal_ns ON signals USING btree (strategy_id, signal_ns);
CREATE INDEX ix_signals_symbol_signal_ns ON signals USING btree (symbol, signal_ns);
CREATE INDEX ix_signals_valid_until_ns ON signals USING btree (valid_until_ns);
